//! Transports whose peer is signaling itself.
use bytes::Bytes;
use sfu_core::control::{
    Command, ConsumerOptions, ConsumerType, DirectTransportOptions, Dump, ErrorKind, EventBody, Layers,
    LinkDump, MediaKind, ProducerId, ProducerOptions, Reply, RtcpFeedback, RtpCodecParameters, RtpParameters,
    Told, Trace, TraceDirection, TraceEvents, TraceInfo, TransportId,
};
use sfu_core::plugin::{
    Attach, Cx, Plugin, PluginSet, ProducerInfo, RtpPacket, TransportInfo, TransportKind, Verdict, plugin,
};
use sfu_core::testing::{Bench, Media, PeerOptions, vp8_key};

use crate::{ms, seconds};

fn direct<S: PluginSet>(bench: &mut Bench<S>) -> TransportId {
    let router = bench.router(0);
    let options = DirectTransportOptions::default();
    match bench.command(Command::CreateDirectTransport { router, options }) {
        Reply::DirectTransport(id) => id,
        other => panic!("unexpected {other:?}"),
    }
}

fn opus(ssrc: u32) -> RtpParameters {
    RtpParameters::single(RtpCodecParameters::opus(111), ssrc)
}

fn vp8(ssrc: u32) -> RtpParameters {
    let mut codec = RtpCodecParameters::video("video/VP8", 96);
    codec.rtcp_feedback = vec![RtcpFeedback::new("nack", ""), RtcpFeedback::new("nack", "pli")];
    RtpParameters::single(codec, ssrc)
}

fn produce<S: PluginSet>(
    bench: &mut Bench<S>,
    transport: TransportId,
    kind: MediaKind,
    parameters: RtpParameters,
) -> ProducerId {
    let options = ProducerOptions::new(kind, parameters);
    match bench.command(Command::Produce { transport, options }) {
        Reply::Producer(created) => created.id,
        other => panic!("unexpected {other:?}"),
    }
}

/// A packet whose payload ends with its number.
fn packet(payload_type: u8, ssrc: u32, number: u16) -> Bytes {
    let mut packet = vec![0x80, payload_type];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xfc, 0xff, 0xfe]);
    packet.extend(u32::from(number).to_be_bytes());
    packet.into()
}

#[test]
fn packets_of_signaling_reach_a_browser_and_are_counted() {
    let mut bench = Bench::empty();
    let transport = direct(&mut bench);
    let p = produce(&mut bench, transport, MediaKind::Audio, opus(1234));
    let viewer = bench.peer_with(PeerOptions::webrtc());
    let c = bench.try_consume_as(viewer, ConsumerOptions::new(p, opus(5678))).unwrap();
    for number in 1..=50 {
        bench.command(Command::SendRtp { producer: p, packet: packet(111, 1234, number) });
        bench.advance(ms(20));
    }
    let numbers: Vec<u32> = bench.received(c).iter().map(|packet| packet.number()).collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<u32>>());
    assert_eq!(bench.receiver(c).lost(), 0);
    let stats = bench.worker_stats_of(transport);
    assert_eq!((stats.producers[0].streams[0].packets, stats.producers[0].streams[0].ssrc), (50, 1234));
    let figures = &stats.transports[0];
    assert_eq!((figures.rtp_packets_received, figures.rtp_received.bytes), (50, 50 * 19));
    assert_eq!((figures.tuple, figures.ice_state, figures.dtls_state), (None, None, None));
    // What is none of its packets is counted or refused.
    bench.command(Command::SendRtp { producer: p, packet: packet(111, 99, 1) });
    assert_eq!(bench.worker_stats_of(transport).transports[0].unknown_streams, 1);
    let too_long: Bytes = [&packet(111, 1234, 51)[..], &[0; 1500]].concat().into();
    for packet in [Bytes::from_static(b"no RTP"), too_long, Bytes::new()] {
        let error = bench.try_command(Command::SendRtp { producer: p, packet }).expect_err("no packet");
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    }
    let ann = bench.peer_with(PeerOptions::plain());
    let other = bench.produce(ann, Media::opus());
    let send = Command::SendRtp { producer: other, packet: packet(111, 1, 1) };
    assert!(bench.try_command(send).expect_err("of a peer").text.contains("direct transport"));
}

#[test]
fn packets_of_a_peer_are_handed_to_signaling_with_requests_and_reports_both_ways() {
    let mut bench = Bench::empty();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::vp8());
    let transport = direct(&mut bench);
    let options = ConsumerOptions::new(p, vp8(4321));
    let Reply::Consumer(c) = bench.command(Command::Consume { transport, options }) else { panic!() };
    bench.play(&[p], seconds(2));
    let told = bench.take_told();
    let mut numbers = Vec::new();
    let mut reports = 0;
    for told in &told {
        match told {
            Told::Rtp { consumer, packet } => {
                assert_eq!(
                    (*consumer, packet[1] & 0x7f, &packet[8..12]),
                    (c, 96, &4321u32.to_be_bytes()[..])
                );
                numbers.push(u16::from_be_bytes([packet[2], packet[3]]));
            }
            Told::Rtcp { transport: of, packet } => {
                assert_eq!((*of, packet[1]), (transport, 200), "sender reports of our stream");
                reports += 1;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(numbers.len() >= 170 && (1..=4).contains(&reports), "{} packets, {reports}", numbers.len());
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "no gap");
    // Signaling asks for a key frame as any receiver does.
    let before = bench.sender(p).plis;
    let mut pli = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
    pli.extend(4321u32.to_be_bytes());
    bench.command(Command::SendRtcp { transport, packet: pli.into() });
    bench.advance(ms(50));
    assert_eq!(bench.sender(p).plis, before + 1);
    // It asks for nothing that got lost: between us nothing does.
    let mut nack = vec![0x81, 205, 0, 3, 0, 0, 0, 1];
    nack.extend(4321u32.to_be_bytes());
    nack.extend(numbers.last().unwrap().to_be_bytes());
    nack.extend([0, 0]);
    bench.take_told();
    bench.command(Command::SendRtcp { transport, packet: nack.into() });
    assert!(!bench.take_told().iter().any(|told| matches!(told, Told::Rtp { .. })));
    let of_a_peer = Command::SendRtcp { transport: bench.transport(ann), packet: Bytes::new() };
    let error = bench.try_command(of_a_peer).expect_err("a peer's");
    assert_eq!(error.kind, ErrorKind::Invalid);
    let Reply::Dump(Dump::Transport(dump)) = bench.command(Command::Dump(transport.into())) else { panic!() };
    assert_eq!(dump.consumer_ssrcs, [(4321, c)]);
    assert_eq!(
        dump.link,
        LinkDump::Direct { max_send_message_size: 262_144, max_receive_message_size: 262_144 }
    );
}

#[test]
fn what_is_handed_to_signaling_is_traced_like_what_is_sent() {
    let mut bench = Bench::empty();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8());
    let transport = direct(&mut bench);
    let options = ConsumerOptions::new(p, vp8(4321));
    let Reply::Consumer(c) = bench.command(Command::Consume { transport, options }) else { panic!() };
    bench.command(Command::EnableTrace { target: c.into(), events: TraceEvents::RTP });
    bench.send(p, vp8_key(1));
    let told = bench.events_of(c);
    let traced = told.iter().find_map(|body| match body {
        EventBody::Trace(trace) => Some(trace),
        _ => None,
    });
    let Some(Trace { direction: TraceDirection::Out, info, .. }) = traced.map(|trace| &**trace) else {
        panic!("{told:?}")
    };
    let TraceInfo::Rtp { packet, is_rtx: false } = info else { panic!("{info:?}") };
    assert!(packet.ssrc == 4321 && packet.payload_type == 96 && packet.is_key_frame, "{packet:?}");
}

#[test]
fn signaling_sees_one_count_of_pictures_without_those_that_it_did_not_want() {
    let mut bench = Bench::empty();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8().scalability_mode("L1T2"));
    let transport = direct(&mut bench);
    let options = ConsumerOptions {
        kind: ConsumerType::Svc,
        preferred_layers: Some(Layers { spatial: 0, temporal: Some(0) }),
        ..ConsumerOptions::new(p, vp8(4321))
    };
    bench.command(Command::Consume { transport, options });
    for n in 1..=20 {
        // Every other picture is of the upper layer. It has a number, TL0PICIDX and its layer before it.
        let temporal = u8::from(n % 2 == 0);
        let mut payload = vec![0x90, 0xe0, 0x80, n as u8, n as u8, temporal << 6];
        match n {
            1 => payload.extend([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]),
            _ => payload.extend([0x31, 0, 0, 0]),
        }
        bench.send(p, vp8_key(n).payload(payload));
        bench.advance(ms(33));
    }
    let told = bench.take_told();
    let numbers = told.iter().filter_map(|told| match told {
        Told::Rtp { packet, .. } => Some(u16::from_be_bytes([packet[14] & 0x7f, packet[15]])),
        _ => None,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_key_frame_of_a_direct_producer_is_asked_of_signaling() {
    let mut bench = Bench::empty();
    let transport = direct(&mut bench);
    let p = produce(&mut bench, transport, MediaKind::Video, vp8(1234));
    let viewer = bench.peer_with(PeerOptions::plain());
    bench.try_consume_as(viewer, ConsumerOptions::new(p, vp8(5678))).unwrap();
    let mut frame = packet(96, 1234, 1).to_vec();
    // An interframe of VP8.
    frame.splice(12.., [0x10, 0x31, 0, 0, 1]);
    bench.command(Command::SendRtp { producer: p, packet: frame.into() });
    // The first wish came before there was a stream to ask for; it is repeated.
    bench.advance(seconds(2));
    let asked = bench.take_told().into_iter().any(|told| match told {
        Told::Rtcp { transport: of, packet } => {
            of == transport && packet[0] == 0x81 && packet[1] == 206 && packet[8..12] == 1234u32.to_be_bytes()
        }
        _ => false,
    });
    assert!(asked, "a picture loss indication");
}

#[test]
fn limits_make_no_sense_on_a_direct_transport() {
    let mut bench = Bench::empty();
    let transport = direct(&mut bench);
    for command in [
        Command::SetMaxIncomingBitrate { transport, bitrate: 100_000 },
        Command::SetMaxOutgoingBitrate { transport, bitrate: 100_000 },
        Command::SetMinOutgoingBitrate { transport, bitrate: 100_000 },
    ] {
        assert_eq!(bench.try_command(command).expect_err("direct").kind, ErrorKind::Invalid);
    }
    bench.close(transport);
    bench.advance(seconds(2));
    assert_eq!(bench.counter("transports"), 0);
}

/// Drops what a producer sends first, once there was a direct transport.
#[derive(Default)]
struct First {
    has_direct: bool,
}

#[plugin(id = "first", on_panic = "forward")]
impl Plugin for First {
    type Transport = ();
    type Producer = bool;
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        self.has_direct |= info.kind == TransportKind::Direct;
        Attach::On(())
    }
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<bool> {
        if self.has_direct { Attach::On(false) } else { Attach::Off }
    }
    fn rtp_in(
        &mut self,
        seen: &mut bool,
        _: &mut RtpPacket<'_>,
        _: &mut Self::Note,
        _: &mut Cx<'_>,
    ) -> Verdict {
        if std::mem::replace(seen, true) { Verdict::Forward } else { Verdict::Drop }
    }
}

#[test]
fn hooks_see_packets_of_signaling_as_any_others() {
    let mut bench = Bench::of::<First>();
    let transport = direct(&mut bench);
    let p = produce(&mut bench, transport, MediaKind::Audio, opus(1234));
    let options = ConsumerOptions::new(p, opus(5678));
    bench.command(Command::Consume { transport, options });
    for number in 1..=3 {
        bench.command(Command::SendRtp { producer: p, packet: packet(111, 1234, number) });
    }
    let told: Vec<u8> = bench
        .take_told()
        .into_iter()
        .filter_map(|told| if let Told::Rtp { packet, .. } = told { packet.last().copied() } else { None })
        .collect();
    assert_eq!(told, [2, 3]);
    assert_eq!(bench.worker_stats_of(p).producers[0].dropped_by_plugins, 1);
}
