//! Traces: single packets and requests, told to who asked for them.
use sfu_core::control::{
    BandwidthEstimator, Command, ErrorKind, EventBody, Target, Trace, TraceDirection, TraceEvents, TraceInfo,
};
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Build, Media, PeerOptions, Rtp, vp8, vp8_key};

use crate::{ms, seconds};

const ALL: TraceEvents = TraceEvents::RTP
    .with(TraceEvents::KEY_FRAME)
    .with(TraceEvents::NACK)
    .with(TraceEvents::PLI)
    .with(TraceEvents::FIR)
    .with(TraceEvents::SENDER_REPORT)
    .with(TraceEvents::PROBATION)
    .with(TraceEvents::BANDWIDTH);

fn enable(bench: &mut Bench<Nil>, target: impl Into<Target>, events: TraceEvents) {
    bench.command(Command::EnableTrace { target: target.into(), events });
}

/// What an entity traced, oldest first; forgets all events.
fn traces(bench: &mut Bench<Nil>, target: impl Into<Target>) -> Vec<Trace> {
    let told = bench.events_of(target);
    bench.take_events();
    let trace = |body| if let EventBody::Trace(trace) = body { Some(*trace) } else { None };
    told.into_iter().filter_map(trace).collect()
}

/// VP8 of a temporal layer.
fn layered(n: u32, temporal: u8) -> Rtp {
    let mut payload = vec![0x90, 0x20, temporal << 6, 0x31, 0, 0];
    payload.extend(n.to_be_bytes());
    vp8(n).payload(payload)
}

#[test]
fn a_packet_is_told_with_all_that_its_header_says() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8().mid("cam").simulcast(&["lo", "hi"]));
    let c = bench.consumer(p);
    enable(&mut bench, p, TraceEvents::RTP);
    enable(&mut bench, c, TraceEvents::RTP.with(TraceEvents::KEY_FRAME));
    bench.send(p, vp8_key(1).encoding(1).sequence(7));
    bench.advance(ms(40));
    bench.send(p, layered(2, 2).encoding(1));
    let out = bench.events_of(c);
    let told = traces(&mut bench, p);
    let [key, delta] = &told[..] else { panic!("{told:?}") };
    let TraceInfo::Rtp { packet, is_rtx: false } = &key.info else { panic!("{key:?}") };
    assert!(packet.is_key_frame, "told as a packet, since key frames were not asked for");
    assert_eq!((key.direction, delta.direction), (TraceDirection::In, TraceDirection::In));
    assert_eq!(delta.timestamp, key.timestamp + 40);
    let TraceInfo::Rtp { packet, is_rtx: false } = &delta.info else { panic!("{delta:?}") };
    assert_eq!((packet.payload_type, packet.sequence_number, packet.timestamp), (96, 8, 6000));
    assert_eq!((packet.marker, packet.is_key_frame), (true, false));
    assert_eq!(Some(packet.ssrc), bench.sender(p).ssrcs(1).map(|(media, _)| media));
    assert_eq!((packet.mid.as_deref(), packet.rid.as_deref()), (Some("cam"), Some("hi")));
    assert_eq!((packet.repaired_rid.as_deref(), packet.transport_sequence_number), (None, Some(1)));
    assert_eq!((packet.spatial_layer, packet.temporal_layer, packet.payload_size), (0, 2, 10));
    assert!(packet.size > packet.payload_size + 12);

    let out: Vec<Trace> =
        out.into_iter().filter_map(|b| if let EventBody::Trace(t) = b { Some(*t) } else { None }).collect();
    let [key, delta] = &out[..] else { panic!("{out:?}") };
    assert!(matches!(key.info, TraceInfo::KeyFrame { is_rtx: false, .. }), "{key:?}");
    let TraceInfo::Rtp { packet, is_rtx: false } = &delta.info else { panic!("{delta:?}") };
    let arrived = bench.received(c).last().unwrap();
    assert_eq!(delta.direction, TraceDirection::Out);
    assert_eq!(
        (packet.payload_type, packet.sequence_number, packet.timestamp, packet.ssrc),
        (arrived.payload_type, arrived.sequence, arrived.timestamp, arrived.ssrc)
    );
    assert_eq!((packet.mid.as_deref(), packet.rid.as_deref(), packet.temporal_layer), (Some("0"), None, 2));
    assert_eq!(packet.size as usize, arrived.bytes.len());
    assert_eq!(packet.payload_size as usize, arrived.payload.len());
}

#[test]
fn only_what_was_asked_for_is_told() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], seconds(2));
    assert_eq!((traces(&mut bench, p), traces(&mut bench, c)), (vec![], vec![]));
    enable(&mut bench, p, TraceEvents::KEY_FRAME);
    bench.send(p, vp8_key(1000));
    bench.send(p, vp8(1001));
    let told = traces(&mut bench, p);
    assert!(matches!(told[..], [Trace { info: TraceInfo::KeyFrame { .. }, .. }]), "{told:?}");
    enable(&mut bench, p, TraceEvents::NONE);
    bench.play(&[p], seconds(1));
    assert_eq!(traces(&mut bench, p), []);
    let router = bench.router(0);
    let command = Command::EnableTrace { target: router.into(), events: ALL };
    assert_eq!(bench.try_command(command).unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn a_paused_producer_traces_no_packets() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    enable(&mut bench, p, TraceEvents::RTP);
    bench.pause(p);
    bench.send(p, vp8_key(1));
    assert_eq!(traces(&mut bench, p), []);
}

#[test]
fn repairs_are_told_as_such_in_both_directions() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8());
    let bob = bench.peer();
    let c = bench.consume(bob, p);
    enable(&mut bench, p, TraceEvents::RTP.with(TraceEvents::NACK));
    enable(&mut bench, c, TraceEvents::RTP.with(TraceEvents::NACK));
    bench.send(p, vp8_key(1).sequence(10));
    bench.send(p, vp8(2).lost());
    bench.send(p, vp8(3));
    bench.take_events();
    bench.advance(ms(300));
    let out = bench.events_of(c);
    let told = traces(&mut bench, p);
    let kinds: Vec<_> = told.iter().map(|trace| (trace.direction, &trace.info)).collect();
    let [
        (TraceDirection::Out, TraceInfo::Nack),
        (TraceDirection::In, TraceInfo::Rtp { packet, is_rtx: true }),
    ] = &kinds[..]
    else {
        panic!("{kinds:?}")
    };
    assert_eq!(packet.sequence_number, 11, "the packet as it was before RTX");
    assert!(!out.is_empty(), "it went on to the consumer");

    let first = bench.received(c)[0].sequence;
    bench.take_events();
    bench.nack(c, &[first]);
    bench.advance(ms(1));
    let told = traces(&mut bench, c);
    let kinds: Vec<_> = told.iter().map(|trace| (trace.direction, &trace.info)).collect();
    let [
        (TraceDirection::In, TraceInfo::Nack),
        (TraceDirection::Out, TraceInfo::Rtp { packet, is_rtx: true }),
    ] = &kinds[..]
    else {
        panic!("{kinds:?}")
    };
    assert_eq!(Some(packet.ssrc), bench.receiver(c).rtx_ssrc(), "as it leaves");
    assert_eq!(packet.payload_size as usize, bench.received(c)[0].payload.len() + 2);
}

#[test]
fn key_frame_requests_are_told_where_they_come_and_where_they_go() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], seconds(3));
    enable(&mut bench, c, TraceEvents::PLI.with(TraceEvents::FIR));
    enable(&mut bench, p, TraceEvents::PLI.with(TraceEvents::FIR));
    bench.take_events();
    bench.pli(c);
    bench.fir(c);
    bench.advance(ms(10));
    let ssrc = bench.receiver(c).ssrc();
    let asked: Vec<_> = bench
        .events_of(c)
        .into_iter()
        .filter_map(|body| if let EventBody::Trace(trace) = body { Some(*trace) } else { None })
        .map(|trace| (trace.direction, trace.info))
        .collect();
    assert_eq!(
        asked,
        [(TraceDirection::In, TraceInfo::Pli(ssrc)), (TraceDirection::In, TraceInfo::Fir(ssrc))]
    );
    let (media, _) = bench.sender(p).ssrcs(0).unwrap();
    let sent = traces(&mut bench, p);
    let sent: Vec<_> = sent.into_iter().map(|trace| (trace.direction, trace.info)).collect();
    assert_eq!(sent, [(TraceDirection::Out, TraceInfo::Pli(media))], "one goes for both");
}

#[test]
fn sender_reports_are_told_as_they_came() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer_with(PeerOptions::webrtc().clock_ahead(seconds(99)));
    let p = bench.produce(ann, Media::opus());
    enable(&mut bench, p, TraceEvents::SENDER_REPORT);
    bench.play(&[p], seconds(5));
    let told = traces(&mut bench, p);
    assert!(told.len() >= 2, "{told:?}");
    let (media, _) = bench.sender(p).ssrcs(0).unwrap();
    for trace in &told {
        let TraceInfo::SenderReport { ssrc, ntp_seconds, packet_count, octet_count, .. } = trace.info else {
            panic!("{trace:?}")
        };
        // The sender's clock is ahead of ours.
        let ours = trace.timestamp / 1000 + 2_208_988_800;
        assert!((98..=100).contains(&(u64::from(ntp_seconds) - ours)), "{ntp_seconds} {ours}");
        assert_eq!((ssrc, octet_count), (media, packet_count * 7));
        assert_eq!(trace.direction, TraceDirection::In);
    }
}

#[test]
fn the_estimate_of_the_peer_is_told_when_it_changes() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    let bob = bench.peer_of_consumer(c);
    let transport = bench.transport(bob);
    enable(&mut bench, transport, TraceEvents::BANDWIDTH);
    for bitrate in [500_000, 500_000, 700_000] {
        bench.remb(c, bitrate);
        bench.advance(ms(10));
    }
    let told: Vec<_> = traces(&mut bench, transport)
        .into_iter()
        .map(|trace| match trace.info {
            TraceInfo::Bandwidth(info) => (info.estimator, info.available),
            other => panic!("{other:?}"),
        })
        .collect();
    let remb = BandwidthEstimator::Remb;
    assert!(
        matches!(told[..], [(a, first), (b, second)] if a == remb && b == remb && first < second),
        "{told:?}"
    );
}

#[test]
fn orientation_is_told_when_it_changes_and_not_by_late_packets() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8());
    let bob = bench.peer();
    let _c = bench.consume(bob, p);
    let turned = |n, value| vp8(n).extension(ExtensionKind::VideoOrientation, vec![value]);
    bench.send(p, vp8_key(1).sequence(10).extension(ExtensionKind::VideoOrientation, vec![0]));
    bench.send(p, turned(2, 0).sequence(11));
    bench.send(p, turned(4, 0x0d).sequence(13));
    bench.send(p, turned(3, 0).sequence(12));
    bench.send(p, turned(5, 0x0d).sequence(14));
    let told: Vec<_> = bench
        .events_of(p)
        .into_iter()
        .filter(|body| matches!(body, EventBody::VideoOrientation { .. }))
        .collect();
    assert_eq!(
        told,
        [
            EventBody::VideoOrientation { camera: false, flip: false, rotation: 0 },
            EventBody::VideoOrientation { camera: true, flip: true, rotation: 90 }
        ]
    );
}
