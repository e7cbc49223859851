//! A mediasoup server hears who is loud, that nobody is, and who speaks.
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id};
use sfu_tests::participant::Participant;
use sfu_tests::sender::{Medium, Sender};
use sfu_tests::{call_test, needs};

const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// Syllables and short breaths, instead of a level that stays the same.
const SPEECH: u8 = 255;
/// The room while nobody speaks.
const ROOM: u8 = 254;
/// No packets.
const NOTHING: u8 = 253;

/// Somebody whose packets, one each 20 ms, say how loud they are.
struct Voice {
    producer: String,
    level: Arc<AtomicU8>,
    task: tokio::task::JoinHandle<()>,
}

impl Voice {
    async fn join(conference: &Conference, router: &Value, level: u8) -> Voice {
        let mut sender = Sender::join(conference, router, Medium::Audio, LEVEL).await;
        let (producer, level) = (sender.producer.clone(), Arc::new(AtomicU8::new(level)));
        let now = level.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            for n in 0u32.. {
                ticks.tick().await;
                match now.load(Ordering::Relaxed) {
                    NOTHING => continue,
                    // The first bit says that somebody speaks.
                    SPEECH if n % 12 < 10 => sender.send(0x80 | (25 + (n * 7 % 11) as u8)).await,
                    SPEECH => sender.send(65).await,
                    ROOM => sender.send(75 + (n * 5 % 9) as u8).await,
                    level => sender.send(level).await,
                }
            }
        });
        Voice { producer, level, task }
    }

    fn is_now(&self, level: u8) {
        self.level.store(level, Ordering::Relaxed);
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes an observer of these producers.
async fn observe(
    conference: &Conference,
    router: &Value,
    method: &str,
    options: Value,
    of: &[&str],
) -> String {
    let observer = id(&conference.call(&id(router), method, json!([options])).await);
    for producer in of {
        conference.call(&observer, "addProducer", json!([{ "producerId": producer }])).await;
    }
    observer
}

/// The volumes of a `volumes` event by producer, in its order.
fn volumes(event: &Value) -> Vec<(String, i64)> {
    let all = event[0].as_array().expect("a list");
    all.iter().map(|one| (id(&one["producer"]), one["volume"].as_i64().expect("a volume"))).collect()
}

call_test! {
    async fn volumes_are_those_that_were_sent_and_silence_is_told_once() {
        needs!("node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let loud = Voice::join(&conference, &router, 20).await;
        let softer = Voice::join(&conference, &router, 40).await;
        let whisper = Voice::join(&conference, &router, 70).await;
        let all = [&*loud.producer, &softer.producer, &whisper.producer];
        let options = json!({ "maxEntries": 3, "threshold": -50, "interval": 300 });
        let observer = observe(&conference, &router, "createAudioLevelObserver", options, &all).await;
        let wanted = [(loud.producer.clone(), -20), (softer.producer.clone(), -40)];
        conference.wait_for(&observer, "volumes", |event| volumes(event) == wanted).await;
        loud.is_now(30);
        softer.is_now(NOTHING);
        conference.wait_for(&observer, "volumes", |event| volumes(event) == [(loud.producer.clone(), -30)]).await;
        assert_eq!(conference.events(&observer, "silence").await.len(), 0, "somebody was heard all the time");
        loud.is_now(60);
        conference.wait_for(&observer, "silence", |_| true).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(conference.events(&observer, "silence").await.len(), 1);
    }
}

call_test! {
    async fn the_dominant_speaker_is_who_speaks() {
        needs!("node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let one = Voice::join(&conference, &router, ROOM).await;
        let other = Voice::join(&conference, &router, ROOM).await;
        let all = [&*one.producer, &other.producer];
        let observer = observe(&conference, &router, "createActiveSpeakerObserver", json!({}), &all).await;
        let floor = async || {
            let told = conference.events(&observer, "dominantspeaker").await;
            told.last().map(|event| id(&event[0]["producer"]))
        };
        for (speaks, listens) in [(&one, &other), (&other, &one), (&one, &other)] {
            speaks.is_now(SPEECH);
            listens.is_now(ROOM);
            for left in (0..200).rev() {
                if floor().await.as_ref() == Some(&speaks.producer) {
                    break;
                }
                assert!(left > 0, "{:?} instead of {}", floor().await, speaks.producer);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        one.is_now(ROOM);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(floor().await, Some(one.producer.clone()), "who spoke last keeps the floor");
    }
}

call_test! {
    async fn a_browsers_tone_is_as_loud_as_it_is() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        // A sine of a tenth: 23 dB below the loudest square.
        let script = "const context = new AudioContext(); const to = context.createMediaStreamDestination(); \
                      const tone = new OscillatorNode(context); participant.volume = new GainNode(context, { gain: 0.1 }); \
                      tone.connect(participant.volume).connect(to); tone.start(); \
                      const producer = await raw.sessions.up.pc.produce({ track: to.stream.getAudioTracks()[0] }); return producer.id";
        let producer = alice.page.evaluate(script, Value::Null).await;
        let producer = producer.as_str().unwrap();
        let options = json!({ "threshold": -70, "interval": 300 });
        let observer = observe(&conference, &router, "createAudioLevelObserver", options, &[producer]).await;
        let is_right = |event: &Value| volumes(event).iter().any(|(who, volume)| who == producer && (-25..=-21).contains(volume));
        conference.wait_for(&observer, "volumes", is_right).await;
        alice.page.evaluate("participant.volume.gain.value = 0", Value::Null).await;
        conference.wait_for(&observer, "silence", |_| true).await;
    }
}
