//! Plain transports whose RTCP has a port of its own (without `rtcp_mux`).
use sfu_core::control::{EventBody, SrtpCryptoSuite};
use sfu_core::plugin::Nil;
use sfu_core::testing::{self, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

/// Given addresses and learnt ones, clear and with SRTP.
fn peers() -> [PeerOptions; 4] {
    let srtp = || PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm);
    [PeerOptions::plain(), PeerOptions::plain().comedia(), srtp(), srtp().comedia()]
        .map(|options| options.separate_rtcp())
}

#[test]
fn reports_and_requests_travel_by_it_in_both_directions() {
    for (options, workers) in peers().into_iter().flat_map(|options| [(options.clone(), 1), (options, 2)]) {
        let text = format!("{options:?}, {workers} workers");
        let mut bench = Build::<Nil>::new().workers(workers).start();
        let path = Conditions::delay(ms(20));
        let ann = bench.peer_with(options.clone().path(path));
        let bob = bench.peer_with(options.clone().path(path).worker(workers - 1));
        let p = bench.produce(ann, Media::vp8());
        // What it says is what the worker learns its address from, where it has to.
        let spoken = bench.produce(bob, Media::opus());
        let (seen, heard) = (bench.consume(bob, p), bench.consume(ann, spoken));
        bench.tap(ann, Direction::ToPeer);
        bench.tap(bob, Direction::ToPeer);
        bench.play(&[p, spoken], seconds(6));
        // Reports, both ways.
        for (peer, producer, c) in [(ann, p, heard), (bob, spoken, seen)] {
            assert!(bench.sender(producer).reports.len() > 3, "{text}");
            assert!(
                bench.receiver(c).sender_reports.len() > 3 && bench.receiver(c).cname.is_some(),
                "{text}"
            );
            assert!(bench.tap(peer, Direction::ToPeer).iter().any(|datagram| datagram.is_rtcp()), "{text}");
            let round_trip = bench.consumer_stats(c).stream.round_trip_time.expect("a round trip");
            assert!((36.0..44.0).contains(&round_trip), "{text}: {round_trip} ms");
        }
        // What is lost on either side is asked for by NACK.
        let sent = bench.sender(p).parameters().encodings[0].ssrc.expect("a signaled SSRC");
        let shown = bench.receiver(seen).ssrc();
        for (peer, direction, media) in [(ann, Direction::ToWorker, sent), (bob, Direction::ToPeer, shown)] {
            let mut n = 0;
            bench.set_filter(peer, direction, move |datagram| {
                let of_media = datagram.rtp().is_some_and(|(_, _, ssrc)| ssrc == media);
                n += u32::from(of_media);
                !of_media || n % 5 != 0
            });
        }
        bench.play(&[p], seconds(2));
        bench.clear_filter(ann, Direction::ToWorker);
        bench.clear_filter(bob, Direction::ToPeer);
        bench.play(&[p], ms(300));
        bench.advance(seconds(1));
        assert!(bench.sender(p).nacks > 5 && bench.receiver(seen).repaired > 5, "{text}");
        assert_eq!(bench.receiver(seen).lost(), 0, "{text}");
        // And a key frame by PLI.
        let plis = bench.sender(p).plis;
        bench.pli(seen);
        bench.advance(ms(100));
        assert_eq!(bench.sender(p).plis, plis + 1, "{text}");
        // RTP at the port for RTCP, or RTCP at the port for RTP, would be here.
        assert_eq!(bench.strays(), [], "{text}");
        assert_eq!(bench.misfits(ann) + bench.misfits(bob), 0, "{text}");
    }
}

#[test]
fn the_address_for_rtcp_is_learnt_from_rtcp_alone() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer_with(PeerOptions::plain().comedia().separate_rtcp());
    let transport = bench.transport(ann);
    let p = bench.produce(ann, Media::opus());
    let c = bench.consume(ann, p);
    // A receiver report of an SSRC that says nothing.
    let rtcp = [0x80, 201, 0, 1, 1, 2, 3, 4];
    let learnt = |bench: &testing::Bench<Nil>| -> Vec<(bool, u16)> {
        let port = |body| match body {
            EventBody::Tuple(tuple) => Some((false, tuple.remote?.port())),
            EventBody::RtcpTuple(tuple) => Some((true, tuple.remote?.port())),
            _ => None,
        };
        bench.events_of(transport).into_iter().filter_map(port).collect()
    };
    let mut rtp = vec![0x80, 111, 0, 1, 0, 0, 0, 0];
    rtp.extend(bench.sender(p).parameters().encodings[0].ssrc.unwrap().to_be_bytes());
    rtp.extend([7; 20]);
    for datagram in [&rtcp[..], &rtp] {
        let refused = bench.counter("media_refused");
        bench.send_to_other_port(ann, datagram);
        assert_eq!(bench.counter("media_refused"), refused + 1);
        assert_eq!(learnt(&bench), [], "nothing is learnt at the wrong port");
    }
    bench.send_rtcp(ann, &rtcp);
    assert_eq!(learnt(&bench), [(true, 5005)]);
    bench.send(p, testing::opus(1));
    assert_eq!(learnt(&bench), [(true, 5005), (false, 5004)]);
    bench.play(&[p], seconds(2));
    assert!(bench.received(c).len() > 90 && !bench.receiver(c).sender_reports.is_empty());
    assert_eq!(bench.strays(), []);
    // Both sockets close with the transport.
    assert_eq!(bench.open_sockets(0).len(), 2);
    bench.close(transport);
    assert_eq!(bench.open_sockets(0).len(), 0);
}
