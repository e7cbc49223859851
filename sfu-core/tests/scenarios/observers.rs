//! Observers of audio: how loud producers are, and who speaks.
use std::time::Duration;

use sfu_core::control::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, CloseReason, Command, ErrorKind, EventBody,
    ProducerId, Reply, RtpObserverId,
};
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Build, Media, PeerOptions, opus};

use crate::{ms, seconds};

/// Level of the nth packet in -dBov; none: no packet.
type Voice = fn(u32) -> Option<u8>;

/// Syllables and short breaths.
const SPEECH: Voice = |n| Some(if n % 12 < 10 { 25 + (n * 7 % 11) as u8 } else { 65 });
/// The room while nobody speaks.
const ROOM: Voice = |n| Some(75 + (n * 5 % 9) as u8);
/// A fan: loud, but always the same.
const FAN: Voice = |n| Some(30 + (n % 2) as u8);
/// A cough now and then.
const COUGH: Voice = |n| Some(if n % 100 < 6 { 10 } else { 80 });
/// No packets, as with discontinuous transmission.
const NOTHING: Voice = |_| None;

struct Room {
    bench: Bench<Nil>,
    people: Vec<ProducerId>,
    packets: u32,
}

impl Room {
    fn of(people: usize) -> Self {
        Self::on(1, people)
    }

    /// People on so many media threads by turns; the observers are on the first.
    fn on(workers: u8, people: usize) -> Self {
        let mut bench = Build::<Nil>::new().workers(workers).start();
        let threads = (0..workers).rev().cycle().take(people);
        let people = threads
            .map(|worker| {
                let peer = bench.peer_with(PeerOptions::plain().worker(worker));
                bench.produce(peer, Media::opus())
            })
            .collect();
        Room { bench, people, packets: 0 }
    }

    fn observe(&mut self, create: Command) -> RtpObserverId {
        let observer = match self.bench.command(create) {
            Reply::RtpObserver(id) => id,
            other => panic!("{other:?}"),
        };
        for producer in self.people.clone() {
            self.bench.command(Command::ObserveProducer { observer, producer });
        }
        observer
    }

    fn levels(&mut self, options: AudioLevelObserverOptions) -> RtpObserverId {
        let router = self.bench.router(0);
        self.observe(Command::CreateAudioLevelObserver { router, options })
    }

    fn speakers(&mut self) -> RtpObserverId {
        let router = self.bench.router(0);
        self.observe(Command::CreateActiveSpeakerObserver {
            router,
            options: ActiveSpeakerObserverOptions::default(),
        })
    }

    /// Everybody sends a packet each 20 ms, with the level of their voice.
    fn talk(&mut self, voices: &[Voice], time: Duration) {
        for _ in 0..time.as_millis() / 20 {
            self.packets += 1;
            for (producer, voice) in self.people.iter().zip(voices) {
                if let Some(level) = voice(self.packets) {
                    let packet = opus(self.packets).extension(ExtensionKind::AudioLevel, vec![level]);
                    self.bench.send(*producer, packet);
                }
            }
            self.bench.advance(ms(20));
        }
    }

    /// Who got the floor, in order, since this was last asked.
    fn floor(&mut self, observer: RtpObserverId) -> Vec<usize> {
        let told = self.bench.events_of(observer);
        self.bench.take_events();
        let place = |body: &EventBody| match body {
            EventBody::DominantSpeaker(id) => self.people.iter().position(|other| other == id),
            other => panic!("{other:?}"),
        };
        told.iter().filter_map(place).collect()
    }

    /// Volumes of each interval, by person, since this was last asked; nothing for silence.
    fn volumes(&mut self, observer: RtpObserverId) -> Vec<Vec<(usize, i8)>> {
        let told = self.bench.events_of(observer);
        self.bench.take_events();
        let place = |id: &ProducerId| self.people.iter().position(|other| other == id).unwrap();
        let read = |body: EventBody| match body {
            EventBody::AudioLevels(all) => all.iter().map(|v| (place(&v.producer), v.volume)).collect(),
            EventBody::Silence => Vec::new(),
            other => panic!("{other:?}"),
        };
        told.into_iter().map(read).collect()
    }
}

fn interval(millis: u64) -> AudioLevelObserverOptions {
    AudioLevelObserverOptions { max_entries: 9, interval: ms(millis), ..Default::default() }
}

#[test]
fn volumes_are_told_each_interval_loudest_first() {
    let mut room = Room::of(3);
    let observer = room.levels(interval(500));
    room.talk(&[|_| Some(40), |_| Some(20), |n| Some(60 + (n % 2) as u8 * 4)], seconds(2));
    let told = room.volumes(observer);
    assert_eq!(told.len(), 4, "{told:?}");
    for volumes in told {
        assert_eq!(volumes, [(1, -20), (0, -40), (2, -62)]);
    }
}

#[test]
fn silence_is_told_once_and_quiet_people_not_at_all() {
    let mut room = Room::of(2);
    let observer = room.levels(AudioLevelObserverOptions { threshold: -50, ..interval(250) });
    room.talk(&[ROOM, ROOM], seconds(2));
    assert_eq!(room.volumes(observer).len(), 0, "silent from the beginning");
    room.talk(&[|_| Some(50), |_| Some(51)], ms(500));
    room.talk(&[ROOM, NOTHING], seconds(2));
    assert_eq!(room.volumes(observer), [vec![(0, -50)], vec![(0, -50)], vec![]]);
}

#[test]
fn no_more_people_are_told_than_wanted() {
    let mut room = Room::of(3);
    let observer = room.levels(AudioLevelObserverOptions { max_entries: 1, ..interval(1000) });
    room.talk(&[|_| Some(9), |_| Some(8), |_| Some(10)], seconds(1));
    assert_eq!(room.volumes(observer), [vec![(1, -8)]]);
}

#[test]
fn paused_and_closed_producers_leave_and_resumed_ones_come_back() {
    let mut room = Room::of(3);
    let observer = room.levels(interval(500));
    let loud: [Voice; 3] = [|_| Some(10), |_| Some(20), |_| Some(30)];
    let (first, third) = (room.people[0], room.people[2]);
    room.bench.pause(first);
    room.talk(&loud, ms(500));
    room.bench.resume(first);
    room.bench.close(third);
    room.talk(&loud[..2], ms(500));
    room.bench.command(Command::UnobserveProducer { observer, producer: first });
    room.talk(&loud[..2], ms(500));
    assert_eq!(room.volumes(observer), [vec![(1, -20), (2, -30)], vec![(0, -10), (1, -20)], vec![(1, -20)]]);
}

#[test]
fn a_paused_observer_tells_silence_and_then_nothing() {
    let mut room = Room::of(1);
    let observer = room.levels(interval(500));
    room.talk(&[SPEECH], ms(500));
    room.bench.command(Command::PauseRtpObserver(observer));
    room.talk(&[SPEECH], seconds(2));
    let told = room.volumes(observer);
    assert!(told.len() == 2 && told[1].is_empty(), "{told:?}");
    room.bench.command(Command::ResumeRtpObserver(observer));
    room.talk(&[|_| Some(33)], ms(500));
    assert_eq!(room.volumes(observer), [vec![(0, -33)]], "what was said meanwhile is not counted");
}

#[test]
fn the_floor_goes_to_who_speaks() {
    let mut room = Room::of(3);
    let observer = room.speakers();
    room.talk(&[ROOM, ROOM, ROOM], seconds(1));
    assert_eq!(room.floor(observer).len(), 1, "somebody has it from the beginning");
    room.talk(&[ROOM, ROOM, SPEECH], seconds(3));
    assert_eq!(room.floor(observer), [2]);
    room.talk(&[ROOM, SPEECH, ROOM], seconds(3));
    assert_eq!(room.floor(observer), [1]);
    room.talk(&[ROOM, ROOM, ROOM], seconds(3));
    assert_eq!(room.floor(observer), [0usize; 0], "who spoke last keeps it");
    room.talk(&[SPEECH, ROOM, NOTHING], seconds(3));
    assert_eq!(room.floor(observer), [0]);
    room.talk(&[NOTHING, NOTHING, SPEECH], seconds(3));
    assert_eq!(room.floor(observer), [2], "who sends nothing does not speak");
}

#[test]
fn who_interrupts_gets_the_floor_only_by_speaking_on() {
    let mut room = Room::of(2);
    let observer = room.speakers();
    room.talk(&[ROOM, ROOM], seconds(1));
    room.talk(&[SPEECH, ROOM], seconds(3));
    room.floor(observer);
    room.talk(&[SPEECH, SPEECH], seconds(2));
    assert_eq!(room.floor(observer), [0usize; 0], "both speak: the floor stays");
    room.talk(&[ROOM, SPEECH], seconds(2));
    assert_eq!(room.floor(observer), [1], "the other stopped");
}

#[test]
fn noise_and_coughs_do_not_take_the_floor() {
    let mut room = Room::of(3);
    let observer = room.speakers();
    room.talk(&[ROOM, ROOM, FAN], seconds(1));
    room.talk(&[SPEECH, ROOM, FAN], seconds(3));
    assert_eq!(room.floor(observer).last(), Some(&0));
    room.talk(&[SPEECH, COUGH, FAN], seconds(20));
    assert_eq!(room.floor(observer), [0usize; 0]);
}

#[test]
fn the_floor_of_who_leaves_is_free_at_once() {
    let mut room = Room::of(3);
    let observer = room.speakers();
    room.talk(&[SPEECH, ROOM, ROOM], seconds(2));
    room.floor(observer);
    let first = room.people[0];
    room.bench.close(first);
    assert!(matches!(room.floor(observer)[..], [1 | 2]), "nobody waits for the next interval");
    room.people.remove(0);
    let second = room.people[0];
    room.bench.pause(second);
    room.talk(&[SPEECH, SPEECH], seconds(2));
    room.floor(observer);
    room.talk(&[SPEECH, ROOM], seconds(3));
    assert_eq!(room.floor(observer), [0usize; 0], "a paused producer can't take it");
}

#[test]
fn observers_see_audio_of_their_own_router_only() {
    let mut room = Room::of(1);
    let observer = room.speakers();
    let (bench, first) = (&mut room.bench, room.people[0]);
    let video = bench.video_producer();
    let refused = |bench: &mut Bench<Nil>, observer, producer| {
        bench.try_command(Command::ObserveProducer { observer, producer }).unwrap_err().kind
    };
    assert_eq!(refused(bench, observer, video), ErrorKind::Invalid);
    assert_eq!(refused(bench, observer, first), ErrorKind::State, "twice");
    let Reply::Router(other) = bench.command(Command::CreateRouter { labels: Default::default() }) else {
        panic!("no router")
    };
    let options = AudioLevelObserverOptions::default();
    let Reply::RtpObserver(stranger) =
        bench.command(Command::CreateAudioLevelObserver { router: other, options })
    else {
        panic!("no observer")
    };
    assert_eq!(refused(bench, stranger, first), ErrorKind::NotFound);
    bench.close(first);
    assert_eq!(refused(bench, observer, first), ErrorKind::NotFound);
    let loud = AudioLevelObserverOptions { threshold: 1, ..options };
    let router = bench.router(0);
    let wrong = bench.try_command(Command::CreateAudioLevelObserver { router, options: loud });
    assert_eq!(wrong.unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn people_on_another_media_thread_are_heard_alike() {
    let told = |workers| {
        let mut room = Room::on(workers, 3);
        let (levels, speakers) = (room.levels(interval(500)), room.speakers());
        let mut told = Vec::new();
        for turn in 0..2 {
            let mut voices = [ROOM, ROOM, FAN];
            voices[turn] = SPEECH;
            room.talk(&voices, seconds(2));
            // Both observers are asked before what they told is forgotten.
            told.push(format!("{:?}", (room.bench.events_of(levels), room.bench.events_of(speakers))));
            room.bench.take_events();
        }
        let names: Vec<String> = room.people.iter().map(|id| format!("{id:?}")).collect();
        told.into_iter()
            .map(|text| {
                names
                    .iter()
                    .enumerate()
                    .fold(text, |text, (n, name)| text.replace(name, &format!("person {n}")))
            })
            .collect::<Vec<_>>()
    };
    assert!(told(1)[1].contains("DominantSpeaker(person 1)"), "{:?}", told(1));
    assert_eq!(told(2), told(1));
}

#[test]
fn pauses_and_goodbyes_of_another_media_thread_reach_the_observer() {
    let mut room = Room::on(2, 2);
    let observer = room.speakers();
    room.talk(&[SPEECH, ROOM], seconds(2));
    assert_eq!(room.floor(observer), [0]);
    assert_eq!(room.people[0].worker(), 1);
    room.bench.pause(room.people[0]);
    room.talk(&[SPEECH, SPEECH], seconds(2));
    assert_eq!(room.floor(observer), [1]);
    room.bench.resume(room.people[0]);
    room.talk(&[SPEECH, NOTHING], seconds(4));
    assert_eq!(room.floor(observer), [0]);
    room.bench.close(room.people[0]);
    room.people.remove(0);
    room.talk(&[SPEECH], seconds(2));
    assert_eq!(room.floor(observer), [0]);
    // Nothing stands for anybody on the observer's thread.
    assert_eq!(room.bench.counter("producers"), 1);
}

#[test]
fn who_is_not_observed_any_more_sends_nothing_to_the_observers_thread() {
    let mut room = Room::on(2, 1);
    let observer = room.levels(interval(250));
    assert_eq!(room.bench.counter("producers"), 2, "one and what stands for it");
    let producer = room.people[0];
    room.bench.command(Command::UnobserveProducer { observer, producer });
    assert_eq!(room.bench.counter("producers"), 1);
    room.bench.command(Command::ObserveProducer { observer, producer });
    room.bench.command(Command::CloseRtpObserver(observer));
    assert_eq!(room.bench.counter("producers"), 1);
}

#[test]
fn closing_an_observer_or_its_router_ends_it() {
    let mut room = Room::of(2);
    let (first, second) = (room.levels(interval(250)), room.speakers());
    room.bench.command(Command::CloseRtpObserver(first));
    assert_eq!(room.bench.events_of(first), [EventBody::Closed(CloseReason::Requested)]);
    let again = room.bench.try_command(Command::CloseRtpObserver(first)).unwrap_err();
    assert_eq!(again.kind, ErrorKind::NotFound);
    room.talk(&[SPEECH, ROOM], seconds(1));
    assert_eq!(room.bench.events_of(first).len(), 1, "it tells nothing any more");
    let router = room.bench.router(0);
    room.bench.close(router);
    assert_eq!(room.bench.events_of(second).last(), Some(&EventBody::Closed(CloseReason::Parent)));
    room.bench.advance(seconds(2));
}

#[test]
fn packets_without_a_level_say_nothing() {
    let mut room = Room::of(1);
    let observer = room.levels(interval(250));
    let p = room.people[0];
    room.bench.play(&[p], seconds(2));
    assert_eq!(room.volumes(observer).len(), 0);
}
