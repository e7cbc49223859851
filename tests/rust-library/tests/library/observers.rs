use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use mediasoup::prelude::*;

use crate::media::direct_transport;
use crate::rig::{AUDIO_LEVEL, audio, direct, heard, room, until};
use crate::rtp::Stream;

/// A tone, 30 dB below the loudest.
fn tone(_: u32) -> u8 {
    30
}

/// Syllables and short breaths, instead of a level that stays the same.
fn speech(packet: u32) -> u8 {
    if packet % 12 < 10 { 25 + (packet * 7 % 11) as u8 } else { 65 }
}

/// Somebody who is heard for as long as this is there.
struct Speaker {
    ends: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Speaker {
    fn on(producer: &Producer, ssrc: u32, level: fn(u32) -> u8) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let (told, producer) = (ends.clone(), direct(producer).clone());
        let thread = thread::spawn(move || {
            let mut stream = Stream::audio(ssrc);
            for packet in 0.. {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                // The first bit says that it is a voice.
                producer.send(stream.with(&[(AUDIO_LEVEL, &[0x80 | level(packet)])], &[0; 40])).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { ends, thread: Some(thread) }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn volumes_and_silence_are_told() {
    block_on(async {
        let (_worker, router) = room().await;
        let transport = direct_transport(&router).await;
        let producer = transport.produce(audio(1)).await.unwrap();
        let mut options = AudioLevelObserverOptions::default();
        (options.max_entries, options.threshold, options.interval) = (NonZeroU16::new(5).unwrap(), -70, 250);
        let observer = router.create_audio_level_observer(options).await.unwrap();
        let (told, volumes) = heard();
        observer
            .on_volumes(move |volumes| {
                told.tell((volumes.len(), volumes[0].producer.id(), volumes[0].volume))
            })
            .detach();
        let (told, silence) = heard();
        observer.on_silence(move || told.tell(())).detach();
        observer.add_producer(RtpObserverAddProducerOptions::new(producer.id())).await.unwrap();
        let dump = router.dump().await.unwrap();
        assert!(dump.rtp_observer_ids.contains(&observer.id()));
        assert!(dump.map_producer_id_observer_ids[&producer.id()].contains(&observer.id()));
        let speaker = Speaker::on(&producer, 1, tone);
        assert_eq!(volumes.next(), (1, producer.id(), -30));
        drop(speaker);
        silence.next();
        observer.pause().await.unwrap();
        assert!(observer.paused());
        observer.resume().await.unwrap();
        observer.remove_producer(producer.id()).await.unwrap();
        let id = observer.id();
        drop(observer);
        until(|| (!block_on(router.dump()).unwrap().rtp_observer_ids.contains(&id)).then_some(()));
    });
}

#[test]
fn the_one_who_speaks_is_told() {
    block_on(async {
        let (_worker, router) = room().await;
        let transport = direct_transport(&router).await;
        let producers = [
            transport.produce(other("a", 1)).await.unwrap(),
            transport.produce(other("b", 2)).await.unwrap(),
        ];
        let mut options = ActiveSpeakerObserverOptions::default();
        options.interval = 300;
        let observer = router.create_active_speaker_observer(options).await.unwrap();
        let (told, speakers) = heard();
        observer.on_dominant_speaker(move |speaker| told.tell(speaker.producer.id())).detach();
        for producer in &producers {
            observer.add_producer(RtpObserverAddProducerOptions::new(producer.id())).await.unwrap();
        }
        let _speaker = Speaker::on(&producers[1], 2, speech);
        speakers.find(|id| *id == producers[1].id());
    });
}

/// Two on one transport have names of their own.
fn other(mid: &str, ssrc: u32) -> ProducerOptions {
    let mut options = audio(ssrc);
    options.rtp_parameters.mid = Some(mid.to_owned());
    options
}
