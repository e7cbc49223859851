//! Who is heard in a room, in virtual time, with one media thread and with two.
use std::time::Duration;

use sfu_audio_selector::AudioSelector;
use sfu_core::control::{ConsumerId, Labels, ProducerId};
use sfu_core::media::AudioLevel;
use sfu_core::plugin::{Cons, ExtensionKind, Nil};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Media, PeerOptions, conformance, opus};

type Alone = Bench<Cons<AudioSelector, Nil>>;

/// A room of so many, spread over the media threads, with somebody who hears them all.
struct Room {
    bench: Alone,
    producers: Vec<ProducerId>,
    consumers: Vec<ConsumerId>,
    sent: u32,
}

impl Room {
    fn new(workers: u8, people: usize, options: Value) -> Room {
        let config = json!({ "audio-selector": { "enabled": true, "options": options } });
        let mut bench = Build::of::<AudioSelector>().workers(workers).config(config).start();
        let labels = || Labels::new().with("room", "studio");
        let listener = bench.peer_with(PeerOptions::webrtc().labels(labels()));
        let (mut producers, mut consumers) = (Vec::new(), Vec::new());
        for n in 0..people {
            let peer = bench.peer_with(PeerOptions::webrtc().labels(labels()).worker(n as u8 % workers));
            let producer = bench.produce(peer, Media::opus());
            consumers.push(bench.consume(listener, producer));
            producers.push(producer);
        }
        Room { bench, producers, consumers, sent: 0 }
    }

    /// Everybody sends for so long, with these levels in -dBov.
    fn talk(&mut self, time: Duration, levels: &[u8]) {
        for _ in 0..time.as_millis() / 20 {
            self.sent += 1;
            for (producer, level) in self.producers.iter().zip(levels) {
                let level = AudioLevel { level: *level, voice: *level < 50 }.to_byte();
                self.bench.send(*producer, opus(self.sent).extension(ExtensionKind::AudioLevel, vec![level]));
            }
            self.bench.advance(Duration::from_millis(20));
        }
    }

    /// Packets that the listener got of each, since the last time.
    fn heard(&mut self) -> Vec<usize> {
        let consumers = self.consumers.clone();
        consumers.into_iter().map(|consumer| self.bench.take_received(consumer).len()).collect()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_loudest_are_heard_and_nobody_misses_a_packet() {
    for workers in [1, 2] {
        let mut room = Room::new(workers, 5, json!({ "speakers": 2 }));
        room.talk(SECOND * 3, &[90, 20, 90, 25, 90]);
        room.heard();
        room.talk(SECOND, &[90, 20, 90, 25, 90]);
        assert_eq!(room.heard(), [0, 50, 0, 50, 0], "{workers} media threads");
        // Somebody begins to speak, and another stops.
        room.talk(SECOND * 3, &[22, 20, 90, 127, 90]);
        room.heard();
        room.talk(SECOND, &[22, 20, 90, 127, 90]);
        assert_eq!(room.heard(), [50, 50, 0, 0, 0], "{workers} media threads");
        for (producer, consumer) in room.producers.clone().into_iter().zip(room.consumers.clone()) {
            assert_eq!(room.bench.receiver(consumer).lost(), 0);
            let stats = room.bench.producer_stats(producer);
            assert_eq!((stats.streams[0].packets_lost, stats.streams[0].nacks), (0, 0));
        }
    }
}

#[test]
fn in_a_room_with_a_place_for_everybody_nothing_is_lost() {
    for workers in [1, 2] {
        let mut room = Room::new(workers, 3, json!({}));
        room.talk(SECOND * 2, &[127, 90, 20]);
        assert_eq!(room.heard(), [100, 100, 100]);
        assert_eq!(room.bench.stats("audio-selector")["dropped_packets"], 0);
    }
}

#[test]
fn who_speaks_is_told_once_for_each_change() {
    for workers in [1, 2] {
        let mut room = Room::new(workers, 4, json!({ "speakers": 2 }));
        room.talk(SECOND * 4, &[127, 127, 20, 127]);
        room.talk(SECOND * 4, &[127, 127, 127, 127]);
        let notices = room.bench.notices("audio-selector");
        let of_room = |speakers: &Value| {
            let same =
                notices.iter().filter(|told| told["speakers"] == *speakers && told["room"] == "studio");
            same.count()
        };
        // Each media thread says it for its router.
        let threads = usize::from(workers);
        assert_eq!(of_room(&json!([room.producers[2]])), threads, "{notices:#?}");
        assert_eq!(of_room(&json!([])), threads, "{notices:#?}");
        assert_eq!(notices.len(), 2 * threads, "{notices:#?}");
        let asked = json!({ "method": "speakers" });
        let answer = room.bench.request("audio-selector", room.producers[0], asked).expect("an answer");
        assert_eq!(
            (&answer["rooms"][0]["room"], &answer["rooms"][0]["speakers"]),
            (&json!("studio"), &json!([]))
        );
        let forwarded = answer["rooms"][0]["forwarded"].as_array().map(Vec::len);
        assert_eq!(forwarded, Some(2), "{answer}");
    }
}

#[test]
fn audio_without_levels_is_always_forwarded() {
    let mut room = Room::new(1, 4, json!({ "speakers": 1 }));
    for _ in 0..100 {
        room.sent += 1;
        for producer in room.producers.clone() {
            room.bench.send(producer, opus(room.sent));
        }
        room.bench.advance(Duration::from_millis(20));
    }
    assert_eq!(room.heard(), [100; 4]);
    assert_eq!(room.bench.stats("audio-selector")["unranked_packets"], 400);
}

#[test]
fn rooms_do_not_compete() {
    let config = json!({ "audio-selector": { "enabled": true, "options": { "speakers": 1 } } });
    let mut bench = Build::of::<AudioSelector>().config(config).start();
    let mut heard = Vec::new();
    for room in ["a", "b"] {
        let peer = bench.peer_with(PeerOptions::webrtc().labels(Labels::new().with("room", room)));
        let producer = bench.produce(peer, Media::opus());
        heard.push((producer, bench.consumer(producer)));
    }
    for n in 1..=100 {
        for (producer, _) in &heard {
            bench.send(*producer, opus(n).extension(ExtensionKind::AudioLevel, vec![20]));
        }
        bench.advance(Duration::from_millis(20));
    }
    for (_, consumer) in heard {
        assert_eq!(bench.received(consumer).len(), 100);
    }
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<AudioSelector>();
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<AudioSelector>(include_str!("../README.md"));
}
