use super::*;
use crate::settings::FileFormat;
use sfu_core::control::{EntityId, MediaKind, RtpCodecParameters, RtpParameters};
use sfu_core::media::{PacketReceiver, packet_queue};
use sfu_core::plugin::ProducerId;
use std::time::{Duration, SystemTime};

fn formats(kind: MediaKind, codecs: &[(u8, &str)]) -> Arc<Formats> {
    let codec = |(payload_type, mime): &(u8, &str)| RtpCodecParameters {
        mime_type: (*mime).into(),
        payload_type: *payload_type,
        clock_rate: 90_000,
        ..Default::default()
    };
    let codecs = codecs.iter().map(codec).collect();
    Arc::new(Formats::of(kind, &RtpParameters { codecs, ..Default::default() }))
}

struct Bench {
    recording: Recording,
    sender: PacketSender,
    receiver: PacketReceiver,
    now: Instant,
}

impl Bench {
    fn new(gated: bool, encodings: u8, queue: usize) -> Self {
        let formats = formats(MediaKind::Video, &[(96, "video/VP8"), (97, "video/rtx"), (98, "video/VP9")]);
        let producer = ProducerId::from_raw("0.1.0".parse().unwrap());
        let now = Instant::now();
        let tracks = (0..encodings).map(|encoding| {
            let started = SystemTime::now();
            (
                u32::from(encoding) + 7,
                Arc::new(TrackStatus::new(producer, None, "video", encoding, started, FileFormat::Mjr)),
            )
        });
        let recording = Recording::new(tracks, formats, now, gated, false, vec![producer.into()]);
        let (sender, receiver) = packet_queue(queue);
        Bench { recording, sender, receiver, now }
    }

    fn send(&mut self, encoding: u8, payload_type: u8, number: u8) -> Outcome {
        let bytes = [number; 20];
        self.recording.take(&Arrival { bytes: &bytes, encoding, payload_type }, self.now, &mut self.sender)
    }

    fn queued(&mut self) -> Vec<(u32, u8, bool)> {
        let mut all = Vec::new();
        while let Some((label, bytes)) = self.receiver.pop() {
            all.push((label.track, bytes[0], label.restart));
        }
        all
    }
}

use Outcome::{Dropped, Ignored, Oversize, Queued};

#[test]
fn each_encoding_is_a_track_and_repair_is_none() {
    let mut bench = Bench::new(true, 2, 10_000);
    assert_eq!(bench.send(0, 96, 1), Queued);
    assert_eq!(bench.send(1, 96, 2), Queued);
    assert_eq!(bench.send(2, 96, 3), Ignored, "there is no such encoding");
    assert_eq!(bench.send(0, 97, 4), Ignored, "repair");
    assert_eq!(bench.send(0, 33, 4), Ignored, "never negotiated");
    assert_eq!(bench.send(0, 98, 5), Queued);
    assert_eq!(bench.queued(), [(7, 1, false), (8, 2, false), (7, 5, false)]);
}

#[test]
fn a_key_frame_that_the_writer_waits_for_is_asked_for_once() {
    let mut bench = Bench::new(true, 2, 10_000);
    assert!(!bench.recording.wants_key_frame());
    bench.recording.tracks[1].status.wants_key_frame.store(true, Ordering::Relaxed);
    assert!(bench.recording.wants_key_frame() && !bench.recording.wants_key_frame());
    bench.recording.fail(8);
    bench.recording.tracks[1].status.wants_key_frame.store(true, Ordering::Relaxed);
    assert!(!bench.recording.wants_key_frame(), "nobody writes it");
}

#[test]
fn a_pause_is_left_out_and_told() {
    let mut bench = Bench::new(true, 1, 10_000);
    assert_eq!(bench.send(0, 96, 1), Queued);
    bench.recording.pause();
    assert_eq!(bench.send(0, 96, 2), Ignored);
    bench.recording.resume();
    assert_eq!(bench.send(0, 96, 4), Queued);
    assert_eq!(bench.send(0, 96, 5), Queued);
    assert_eq!(bench.queued(), [(7, 1, false), (7, 4, true), (7, 5, false)]);
}

#[test]
fn a_full_queue_drops_and_counts_and_a_key_frame_mends() {
    let mut bench = Bench::new(true, 1, 80);
    assert_eq!(bench.send(0, 96, 1), Queued);
    assert_eq!(bench.send(0, 96, 2), Queued);
    assert_eq!(bench.send(0, 96, 3), Dropped);
    assert_eq!(bench.send(0, 96, 4), Dropped);
    assert_eq!(bench.recording.dropped(), 2);
    assert!(!bench.recording.wants_key_frame(), "it would be dropped too");
    assert_eq!(bench.queued().len(), 2);
    assert_eq!(bench.send(0, 96, 5), Queued);
    assert!(bench.recording.wants_key_frame() && !bench.recording.wants_key_frame());
}

#[test]
fn what_no_file_can_hold_is_counted_and_the_failed_rest() {
    let mut bench = Bench::new(false, 1, 10_000);
    let bytes = [0; 1501];
    let mut packet = Arrival { bytes: &bytes, encoding: 0, payload_type: 96 };
    assert_eq!(bench.recording.take(&packet, bench.now, &mut bench.sender), Oversize);
    packet.bytes = &bytes[..1500];
    let later = bench.now + Duration::from_millis(5);
    assert_eq!(bench.recording.take(&packet, later, &mut bench.sender), Queued);
    assert_eq!(bench.receiver.pop().unwrap().0.at, 5_000_000);
    assert_eq!(bench.recording.tracks[0].status.oversize.get(), 1);
    bench.recording.fail(8);
    assert_eq!(bench.send(0, 96, 2), Queued);
    bench.recording.fail(7);
    assert_eq!(bench.send(0, 96, 3), Ignored);
}
