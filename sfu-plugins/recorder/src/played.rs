//! Files that are played as they are, of a whole worker in virtual time, with one media thread and with two.
use std::path::Path;
use std::time::{Duration, Instant};

use sfu_core::control::{Labels, ProducerId};
use sfu_core::plugin::{Cons, Nil};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Media, PeerOptions, conformance_with, opus, vp8, vp8_key};

use crate::Recorder;
use crate::film::Film;
use crate::scratch::Scratch;

type Alone = Bench<Cons<Recorder, Nil>>;

const STEP: Duration = Duration::from_millis(20);

struct Call {
    bench: Alone,
    audio: ProducerId,
    video: ProducerId,
    /// Steps of 20 ms.
    step: u32,
}

impl Call {
    fn new(workers: u8, settings: Value) -> Call {
        let mut bench =
            Build::of::<Recorder>().workers(workers).config(json!({ "recorder": settings })).start();
        let labels = Labels::new().with("user", "alice").with("stream", "cam");
        // Its clock is an hour ahead of ours.
        let options = PeerOptions::webrtc().labels(labels).worker(workers - 1).without_reports();
        let peer = bench.peer_with(options.clock_ahead(Duration::from_secs(3600)));
        let audio = bench.produce(peer, Media::opus());
        let video = bench.produce(peer, Media::vp8());
        Call { bench, audio, video, step: 0 }
    }

    /// Sound of every step, and pictures of every other one, which take `late` steps longer.
    fn talk(&mut self, steps: u32, late: u32) {
        for _ in 0..steps {
            let n = self.step;
            self.bench.send(self.audio, opus(n));
            if n.is_multiple_of(2) && n >= late {
                let frame = (n - late) / 2;
                let packet = if frame.is_multiple_of(50) { vp8_key(frame) } else { vp8(frame) };
                self.bench.send(self.video, packet.timestamp(frame * 3600));
            }
            self.step += 1;
            self.bench.advance(STEP);
        }
    }

    /// Both streams report the clock of this moment, by which nothing is late.
    fn report(&mut self) {
        let peer = self.bench.peer_of_producer(self.audio);
        let ntp = (4_000_000_000_u64 << 32) + ((u64::from(self.step) * 20) << 32) / 1000;
        for (producer, timestamp) in [(self.audio, self.step * 960), (self.video, self.step * 1800)] {
            let (ssrc, _) = self.bench.sender(producer).ssrcs(0).unwrap();
            let mut report = vec![0x80, 200, 0, 6];
            report.extend(ssrc.to_be_bytes());
            report.extend(ntp.to_be_bytes());
            report.extend(timestamp.to_be_bytes());
            report.extend([0; 8]);
            self.bench.send_rtcp(peer, &report);
        }
    }
}

/// The files of a folder, by name.
fn films(folder: &Path) -> Vec<(String, Film)> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), Film::read(&std::fs::read(folder.join(name)).unwrap()).unwrap()))
        .collect()
}

#[test]
fn a_participant_is_recorded_into_one_file_in_step() {
    for workers in [1, 2] {
        let scratch = Scratch::new("participant");
        let settings = json!({
            "folder": scratch.path(), "enabled": true, "format": "webm", "per": "participant",
            "file": "{participant}",
        });
        let mut call = Call::new(workers, settings);
        call.talk(50, 6);
        call.report();
        call.talk(150, 6);
        assert!(call.bench.faults().is_empty());
        call.bench.stop();
        let films = films(scratch.path());
        assert_eq!(films.len(), 1, "{workers} media threads");
        let (name, film) = &films[0];
        assert!(name.ends_with(".webm") && film.is_closed);
        let track = |codec: &str| film.tracks.iter().find(|(_, found, _)| found == codec).unwrap().0;
        assert_eq!(film.tracks.iter().find(|track| track.1 == "V_VP8").unwrap().2, (640, 360));
        let (audio, video) = (film.times(track("A_OPUS")), film.times(track("V_VP8")));
        assert_eq!((audio.len(), video.len()), (200, 97));
        assert_eq!(video[0] - audio[0], 120, "as it arrived");
        assert!((video[96] - audio[96 * 2]).abs() <= 1, "as it was sent: {} {}", video[96], audio[192]);
        assert!(film.duration.unwrap() - 4000.0 < 10.0, "{:?}", film.duration);
    }
}

#[test]
fn what_is_lost_is_repaired_or_begun_anew() {
    for workers in [1, 2] {
        let scratch = Scratch::new("loss");
        let settings = json!({ "folder": scratch.path(), "enabled": true, "format": "webm" });
        let mut call = Call::new(workers, settings);
        call.talk(20, 0);
        // Answered by a retransmission.
        call.bench.send(call.video, vp8(10).timestamp(10 * 3600).lost());
        call.step += 2;
        call.talk(20, 0);
        let plis = call.bench.sender(call.video).plis;
        // Never sent again: two numbers are left out.
        let number = call.bench.sender(call.video).next_sequence(0);
        call.bench.send(call.video, vp8(21).timestamp(21 * 3600).sequence(number.wrapping_add(2)));
        call.step += 2;
        let began = Instant::now();
        while call.bench.sender(call.video).plis == plis {
            // The writer works in real time.
            call.talk(50, 0);
            assert!(began.elapsed() < Duration::from_secs(20), "nobody asked for a key frame");
            std::thread::yield_now();
        }
        call.talk(150, 0);
        call.bench.stop();
        let films = films(scratch.path());
        let video = films.iter().map(|(_, film)| film).find(|film| film.tracks[0].1 == "V_VP8").unwrap();
        let times: Vec<i64> = video.times(1).iter().map(|at| at / 40).collect();
        assert_eq!(times[..21], (0..21).collect::<Vec<_>>(), "what was repaired is in its place");
        assert_eq!(times[21] % 50, 0, "it goes on with a key frame: {times:?}");
        assert!(video.blocks(1)[21].key_frame && times.len() > 90);
    }
}

#[test]
fn a_request_chooses_format_and_what_goes_into_a_file() {
    for workers in [1, 2] {
        let scratch = Scratch::new("request");
        let mut call = Call::new(workers, json!({ "folder": scratch.path() }));
        call.talk(20, 0);
        let wrong = json!({ "method": "start", "format": "ogg", "per": "participant" });
        let error = call.bench.request("recorder", call.video, wrong).unwrap_err();
        assert!(error.text.starts_with("plugins.recorder.per: "), "{error}");
        let start = json!({ "method": "start", "format": "ogg", "file": "sound" });
        call.bench.request("recorder", call.audio, start).unwrap();
        let start = json!({ "method": "start", "format": "webm", "per": "participant" });
        call.bench.request("recorder", call.video, start).unwrap();
        call.talk(130, 0);
        call.bench.request("recorder", call.video, json!({ "method": "stop" })).unwrap();
        call.bench.stop();
        let mut names: Vec<_> = std::fs::read_dir(scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert!(names[0].starts_with("alice-20") && names[0].ends_with("Z.webm"), "{names:?}");
        assert_eq!(names[1..], ["sound.opus"]);
        let film = Film::read(&std::fs::read(scratch.path().join(&names[0])).unwrap()).unwrap();
        assert!(film.blocks(1)[0].key_frame && film.is_closed);
    }
}

#[test]
fn it_keeps_the_rules_of_the_media_path() {
    let scratch = Scratch::new("conformance");
    conformance_with::<Recorder>(json!({ "folder": scratch.path(), "format": "webm", "per": "participant" }));
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<Recorder>(include_str!("../README.md"));
}

#[test]
fn a_user_with_two_connections_has_one_file_and_others_have_their_own() {
    for workers in [1, 2] {
        let scratch = Scratch::new("user");
        let settings =
            json!({ "folder": scratch.path(), "enabled": true, "format": "webm", "per": "participant" });
        let mut bench =
            Build::of::<Recorder>().workers(workers).config(json!({ "recorder": settings })).start();
        let mut producers = Vec::new();
        for user in ["alice", "alice", "bob"] {
            let options = PeerOptions::webrtc().labels(Labels::new().with("user", user)).worker(workers - 1);
            let peer = bench.peer_with(options);
            producers.push(bench.produce(peer, Media::opus()));
        }
        bench.play(&producers, Duration::from_secs(1));
        bench.stop();
        let films = films(scratch.path());
        let shape: Vec<(bool, usize)> =
            films.iter().map(|(name, film)| (name.starts_with("alice-"), film.tracks.len())).collect();
        assert_eq!(shape, [(true, 2), (false, 1)], "{workers} media threads");
    }
}
