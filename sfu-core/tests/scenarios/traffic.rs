//! What a transport counts, its bounds, and what a dump tells of it.
use sfu_core::control::{Command, ConsumerType, DtlsState, Dump, ErrorKind, EventBody, LinkDump, Reply};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Direction, Media, PeerOptions};

use crate::{ms, seconds};

#[test]
fn rtp_and_rtx_are_counted_apart_and_loss_is_told() {
    let mut bench = Bench::empty();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let bob = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::vp8());
    let c = bench.consume(bob, p);
    bench.play(&[p], seconds(2));
    let (up, down) = (bench.transport_stats(ann), bench.transport_stats(bob));
    let stream = bench.producer_stats(p).streams.remove(0);
    assert_eq!(up.rtp_received.bytes, stream.bytes);
    assert_eq!((up.rtx_received.bytes, down.rtx_sent.bytes, down.probation_sent.bytes), (0, 0, 0));
    assert_eq!(down.rtp_sent.bytes, bench.consumer_stats(c).stream.bytes);
    assert!(up.bytes_received > up.rtp_received.bytes && down.bytes_sent > down.rtp_sent.bytes);
    assert!(up.rtp_received.bitrate > 0 && up.rtp_received.bitrate <= up.receive_bitrate);
    assert_eq!(up.packet_loss_received, Some(0.0));
    assert_eq!(down.packet_loss_received, None, "bob sends nothing");
    assert_eq!(up.rtcp_tuple, None);
    // What is lost is sent again by RTX.
    let mut n = 0;
    bench.set_filter(ann, Direction::ToWorker, move |datagram| {
        n += u32::from(datagram.rtp().is_some());
        datagram.rtp().is_none() || n % 10 != 0
    });
    let mut m = 0;
    bench.set_filter(bob, Direction::ToPeer, move |datagram| {
        m += u32::from(datagram.rtp().is_some());
        datagram.rtp().is_none() || m % 10 != 0
    });
    bench.play(&[p], seconds(3));
    let (up, down) = (bench.transport_stats(ann), bench.transport_stats(bob));
    let loss = up.packet_loss_received.expect("loss");
    assert!((0.03..0.2).contains(&loss), "{loss}");
    assert!(up.rtx_received.bytes > 500 && down.rtx_sent.bytes > 500, "{up:?} {down:?}");
    assert!(up.rtp_received.bytes > up.rtx_received.bytes);
    assert_eq!(down.rtp_sent.bytes, bench.consumer_stats(c).stream.bytes, "without RTX");
}

#[test]
fn bounds_of_what_is_sent_must_make_sense_together() {
    let mut bench = Bench::empty();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let transport = bench.transport(ann);
    let max = |bitrate| Command::SetMaxOutgoingBitrate { transport, bitrate };
    let min = |bitrate| Command::SetMinOutgoingBitrate { transport, bitrate };
    for (command, text) in [(max(29_999), "below 30000"), (min(29_999), "below 30000")] {
        let error = bench.try_command(command).expect_err(text);
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.text.contains(text), "{error}");
    }
    bench.command(min(100_000));
    assert!(bench.try_command(max(99_999)).expect_err("below").text.contains("below the minimum, 100000"));
    bench.command(max(100_000));
    assert!(bench.try_command(min(100_001)).expect_err("above").text.contains("above the maximum, 100000"));
    let figures = bench.transport_stats(ann);
    assert_eq!((figures.min_outgoing_bitrate, figures.max_outgoing_bitrate), (100_000, 100_000));
    bench.command(max(0));
    bench.command(min(5_000_000));
    bench.command(min(0));
    let figures = bench.transport_stats(ann);
    assert_eq!((figures.min_outgoing_bitrate, figures.max_outgoing_bitrate), (0, 0));
}

#[test]
fn the_certificate_is_told_before_the_connection() {
    let mut bench = Bench::empty();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let events = bench.events_of(bench.transport(ann));
    let certificate = events.iter().position(|event| matches!(event, EventBody::DtlsCertificate(_)));
    let connected = events.iter().position(|event| *event == EventBody::DtlsState(DtlsState::Connected));
    assert!(certificate.is_some() && certificate < connected, "{events:?}");
    let Some(EventBody::DtlsCertificate(pem)) = certificate.and_then(|at| events.get(at)) else { panic!() };
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n") && pem.ends_with("-----END CERTIFICATE-----\n"));
    let wrong = bench.peer_with(PeerOptions::webrtc().wrong_fingerprint());
    bench.advance(seconds(2));
    let events = bench.events_of(bench.transport(wrong));
    assert!(!events.iter().any(|event| matches!(event, EventBody::DtlsCertificate(_))), "{events:?}");
}

fn dump(bench: &mut Bench<Nil>, target: impl Into<sfu_core::control::Target>) -> Dump {
    match bench.command(Command::Dump(target.into())) {
        Reply::Dump(dump) => dump,
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn dumps_tell_what_there_is() {
    let mut bench = Bench::empty();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let bob = bench.peer_with(PeerOptions::plain().separate_rtcp());
    let p = bench.produce(ann, Media::vp8().mid("v").simulcast(&["l", "h"]));
    let c =
        bench.try_consume_with(bob, p, |options| options.kind = ConsumerType::Simulcast).expect("a consumer");
    let transport = bench.transport(ann);
    let Dump::Transport(before) = dump(&mut bench, transport) else { panic!() };
    assert_eq!((before.ssrcs.len(), before.mids, before.rids.len()), (0, vec![("v".to_owned(), p)], 2));
    bench.play(&[p], seconds(1));
    let Dump::Transport(after) = dump(&mut bench, transport) else { panic!() };
    assert!(after.ssrcs.len() >= 2 && after.ssrcs.iter().all(|(_, producer)| *producer == p), "{after:?}");
    assert_eq!(
        (after.extensions.mid, after.extensions.rid, after.extensions.transport_cc),
        (Some(1), Some(4), Some(3))
    );
    let LinkDump::WebRtc { dtls_state, tuple, ice_candidates, .. } = after.link else { panic!() };
    assert_eq!((dtls_state, tuple.is_some(), ice_candidates.len()), (DtlsState::Connected, true, 2));

    let Dump::Producer(producer) = dump(&mut bench, p) else { panic!() };
    assert_eq!(
        (producer.consumer_type, producer.streams.len(), producer.paused),
        (ConsumerType::Simulcast, 2, false)
    );
    let high = &producer.streams[1];
    assert_eq!((high.encoding, high.rid.as_deref(), high.payload_type), (1, Some("h"), 96));
    assert_eq!(
        (high.mime_type.as_str(), high.clock_rate, high.cname.as_str()),
        ("video/VP8", 90_000, "test")
    );
    assert!(high.use_nack && high.use_pli && high.use_fir && high.score > 0, "{high:?}");

    let Dump::Consumer(consumer) = dump(&mut bench, c) else { panic!() };
    assert_eq!((consumer.producer, consumer.consumer_type), (p, ConsumerType::Simulcast));
    assert_eq!((consumer.payload_types.as_slice(), consumer.priority), (&[101][..], 1));
    assert_eq!(consumer.streams[0].ssrc, bench.receiver(c).ssrc());
    assert_eq!(consumer.current_layers.map(|layers| layers.spatial), Some(1));
    assert_eq!(consumer.score.producer_scores.len(), 2);

    let plain = bench.transport(bob);
    let Dump::Transport(plain) = dump(&mut bench, plain) else { panic!() };
    assert_eq!(plain.consumer_ssrcs, [(bench.receiver(c).ssrc(), c)]);
    assert_eq!(plain.consumer_rtx_ssrcs.len(), 1);
    let LinkDump::Plain { rtcp_mux, rtcp_tuple, comedia, .. } = plain.link else { panic!() };
    assert_eq!((rtcp_mux, comedia, rtcp_tuple), (false, false, bench.transport_stats(bob).rtcp_tuple));
    assert!(rtcp_tuple.is_some_and(|tuple| tuple.remote.is_some()));

    let router = bench.router(0);
    let error = bench.try_command(Command::Dump(router.into())).expect_err("of a router there is none");
    assert_eq!(error.kind, ErrorKind::Unsupported);
    bench.close(transport);
    bench.advance(ms(1));
    assert_eq!(
        bench.try_command(Command::Dump(transport.into())).expect_err("gone").kind,
        ErrorKind::NotFound
    );
}
