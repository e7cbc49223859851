//! What the crate's protocol has more than 3.27: limits that transports are made with, and the round trip.
use futures_lite::future::block_on;
use mediasoup::prelude::*;
use mediasoup::transport::{TransportTraceEventData, TransportTraceEventType};

use crate::media::direct_transport;
use crate::peer::Peer;
use crate::rig::{direct, everything, heard, local, room, until, video};
use crate::rtcp::{Rtcp, SENDER_REPORT};
use crate::rtp::{Stream, parse, vp8};

fn to_peer(peer: &Peer) -> PlainTransportRemoteParameters {
    PlainTransportRemoteParameters {
        ip: Some([127, 0, 0, 1].into()),
        port: Some(peer.port()),
        rtcp_port: None,
        srtp_parameters: None,
    }
}

#[test]
fn what_a_receiver_says_of_its_path_is_told_within_limits() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = PlainTransportOptions::new(local(Protocol::Udp));
        options.initial_available_outgoing_bitrate = 400_000;
        (options.max_outgoing_bitrate, options.min_outgoing_bitrate) = (Some(1_000_000), Some(200_000));
        let transport = router.create_plain_transport(options).await.unwrap();
        let peer = Peer::of(transport.tuple().local_port());
        transport.connect(to_peer(&peer)).await.unwrap();
        let from = direct_transport(&router).await;
        let producer = from.produce(video(&[1])).await.unwrap();
        let consumer =
            transport.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        let ssrc = consumer.rtp_parameters().encodings[0].ssrc.unwrap();
        let available = || block_on(transport.get_stats()).unwrap()[0].available_outgoing_bitrate;
        assert_eq!(available(), Some(400_000));
        let (told, traces) = heard();
        transport
            .on_trace(std::sync::Arc::new(move |trace: &TransportTraceEventData| told.tell(trace.clone())))
            .detach();
        transport.enable_trace_event(vec![TransportTraceEventType::Bwe]).await.unwrap();
        for (said, expected) in [(5_000_000, 1_000_000), (100_000, 200_000), (600_000, 600_000)] {
            peer.send(&Rtcp::remb(ssrc, said).bytes());
            until(|| (available() == Some(expected)).then_some(()));
        }
        let TransportTraceEventData::Bwe { info, timestamp, .. } = traces.next() else { panic!("no bwe") };
        assert_eq!((info.min_bitrate, info.max_bitrate), (200_000, 1_000_000));
        assert!(timestamp > 0 && info.available_bitrate > 0, "{info:?}");
    });
}

#[test]
fn a_sender_hears_of_the_limit_that_its_transport_was_made_with() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = PlainTransportOptions::new(local(Protocol::Udp));
        (options.comedia, options.max_incoming_bitrate) = (true, Some(300_000));
        let transport = router.create_plain_transport(options).await.unwrap();
        let _producer = transport.produce(video(&[1])).await.unwrap();
        let peer = Peer::of(transport.tuple().local_port());
        let mut stream = Stream::video(1);
        let mut send = || peer.send(&stream.with(&[(crate::rig::ABS_SEND_TIME, &[0, 0, 1])], &vp8(true, 1)));
        send();
        let limit = peer.rtcp(send, |rtcp| rtcp.remb_bitrate().is_some());
        let limit = limit.remb_bitrate().unwrap();
        // 18 bits of it.
        assert!((299_000..=300_000).contains(&limit), "{limit}");
    });
}

#[test]
fn the_round_trip_of_a_transport_is_told() {
    block_on(async {
        let (_worker, router) = room().await;
        let transport =
            router.create_plain_transport(PlainTransportOptions::new(local(Protocol::Udp))).await.unwrap();
        let peer = Peer::of(transport.tuple().local_port());
        transport.connect(to_peer(&peer)).await.unwrap();
        let from = direct_transport(&router).await;
        let producer = from.produce(video(&[1])).await.unwrap();
        let consumer =
            transport.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        let ssrc = consumer.rtp_parameters().encodings[0].ssrc.unwrap();
        assert_eq!(transport.get_stats().await.unwrap()[0].round_trip_time, None);
        let mut stream = Stream::video(1);
        direct(&producer).send(stream.packet(&vp8(true, 1))).unwrap();
        let sequence = peer.find(|| (), parse).sequence;
        let mut again = || direct(&producer).send(stream.packet(&vp8(false, 1))).unwrap();
        let report = peer.rtcp(&mut again, |rtcp| rtcp.kind == SENDER_REPORT && rtcp.word(0) == ssrc);
        peer.send(&Rtcp::receiver_report(&report, sequence).bytes());
        let round_trip = until(|| block_on(transport.get_stats()).unwrap()[0].round_trip_time);
        assert!((0.0..20_000.0).contains(&round_trip), "{round_trip} ms");
        let stats = serde_json::to_value(consumer.get_stats().await.unwrap()).unwrap();
        assert!(stats.to_string().contains("roundTripTime"), "{stats}");
    });
}
