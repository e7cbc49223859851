use futures_lite::future::block_on;
use mediasoup::consumer::{
    ConsumerRtpStreamStat, ConsumerTraceEventData, ConsumerTraceEventType, ConsumerType,
};
use mediasoup::prelude::*;
use mediasoup::producer::{ProducerTraceEventData, ProducerTraceEventType, ProducerType};
use mediasoup::worker::RequestError;
use mediasoup_types::data_structures::TraceEventDirection;
use mediasoup_types::rtp_parameters::MimeType;
use serde_json::json;

use crate::peer::Peer;
use crate::rig::{Heard, ORIENTATION, audio, direct, everything, heard, local, room, until, video};
use crate::rtcp::{FIR, PAYLOAD_FEEDBACK, PLI, Rtcp, SENDER_REPORT};
use crate::rtp::{Seen, Stream, parse, vp8};

/// The RTP that a consumer of a direct transport gets.
pub fn rtp_of(consumer: &Consumer) -> Heard<Seen> {
    let (told, packets) = heard();
    let tell = move |packet: &[u8]| {
        told.tell(parse(packet).unwrap());
    };
    consumer.on_rtp(tell).detach();
    packets
}

/// The RTCP that a direct transport gets.
fn rtcp_of(transport: &DirectTransport) -> Heard<Rtcp> {
    let (told, packets) = heard();
    let tell = move |packet: &[u8]| Rtcp::parse(packet).into_iter().for_each(|packet| told.tell(packet));
    transport.on_rtcp(tell).detach();
    packets
}

pub async fn direct_transport(router: &Router) -> DirectTransport {
    router.create_direct_transport(DirectTransportOptions::default()).await.unwrap()
}

#[test]
fn packets_go_from_the_program_through_a_worker_to_the_program() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let producer = from.produce(audio(1111)).await.unwrap();
        assert_eq!(
            (producer.kind(), producer.r#type(), producer.paused()),
            (MediaKind::Audio, ProducerType::Simple, false)
        );
        assert!(router.can_consume(&producer.id(), &everything(&router)));
        let consumer = to.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        assert_eq!((consumer.kind(), consumer.r#type()), (MediaKind::Audio, ConsumerType::Simple));
        assert_eq!((consumer.paused(), consumer.producer_paused()), (false, false));
        let packets = rtp_of(&consumer);
        let mut stream = Stream::audio(1111);
        for number in 0..10 {
            direct(&producer).send(stream.packet(&[number; 50])).unwrap();
        }
        let ssrc = consumer.rtp_parameters().encodings[0].ssrc.unwrap();
        let first = packets.next();
        assert_eq!((first.payload_type, first.ssrc, &first.payload[..]), (100, ssrc, &[0; 50][..]));
        for number in 1..10u8 {
            let sequence = first.sequence + u16::from(number);
            assert_eq!(packets.next(), Seen { payload_type: 100, sequence, ssrc, payload: vec![number; 50] });
        }

        let [stat] = &producer.get_stats().await.unwrap()[..] else { panic!("one stream") };
        assert_eq!(
            (stat.ssrc, stat.kind, stat.mime_type),
            (1111, MediaKind::Audio, MimeType::Audio(MimeTypeAudio::Opus))
        );
        assert_eq!((stat.packet_count, stat.packets_lost, stat.rid.as_deref()), (10, 0, None));
        assert!(stat.byte_count >= 500 && stat.timestamp > 1_700_000_000_000, "{stat:?}");
        let stats = consumer.get_stats().await.unwrap();
        let mut directions = [0, 0];
        for stat in &stats {
            match stat {
                ConsumerRtpStreamStat::Outbound(stat) => {
                    directions[1] += 1;
                    assert_eq!((stat.ssrc, stat.packet_count, stat.kind), (ssrc, 10, MediaKind::Audio));
                }
                ConsumerRtpStreamStat::Inbound(stat) => {
                    directions[0] += 1;
                    assert_eq!((stat.ssrc, stat.packet_count), (1111, 10));
                }
            }
        }
        assert_eq!(directions, [1, 1]);

        let dump = producer.dump().await.unwrap();
        assert_eq!((dump.id, dump.kind, dump.paused), (producer.id(), MediaKind::Audio, false));
        let (said, dumped) = (producer.rtp_parameters(), &dump.rtp_parameters);
        assert_eq!((&said.mid, &said.codecs, &said.rtcp), (&dumped.mid, &dumped.codecs, &dumped.rtcp));
        assert_eq!((&said.header_extensions, &said.msid), (&dumped.header_extensions, &dumped.msid));
        // A dump names the codec.
        let encoding = RtpEncodingParameters { codec_payload_type: Some(111), ..said.encodings[0].clone() };
        assert_eq!(dumped.encodings, [encoding]);
        let json = serde_json::to_value(&dump).unwrap();
        let stream = &json["rtpStreams"][0];
        assert_eq!(
            (&stream["params"]["ssrc"], &stream["params"]["payloadType"]),
            (&json!(1111), &json!(111))
        );
        assert_eq!(stream["params"]["cname"], json!("somebody"));
        let dump = consumer.dump().await.unwrap();
        assert_eq!((dump.id, dump.producer_id, dump.kind), (consumer.id(), producer.id(), MediaKind::Audio));
        assert_eq!((dump.paused, dump.producer_paused, dump.priority), (false, false, 1));
        assert_eq!(dump.rtp_parameters.codecs, consumer.rtp_parameters().codecs);
        assert_eq!(dump.supported_codec_payload_types, [100]);
        assert_eq!(dump.consumable_rtp_encodings.len(), 1);
        assert_eq!(dump.rtp_streams[0].params.ssrc, ssrc);
        let [stat] = &from.get_stats().await.unwrap()[..] else { panic!("one") };
        assert!(stat.rtp_bytes_received >= 500, "{stat:?}");
    });
}

#[test]
fn nothing_comes_while_either_side_is_paused() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let mut options = audio(1111);
        options.paused = true;
        let producer = from.produce(options).await.unwrap();
        let mut options = ConsumerOptions::new(producer.id(), everything(&router));
        options.paused = true;
        let consumer = to.consume(options).await.unwrap();
        assert!(producer.paused() && consumer.paused() && consumer.producer_paused());
        let packets = rtp_of(&consumer);
        let (told, events) = heard();
        let tell = |what: &'static str| {
            let told = told.clone();
            move || told.tell(what)
        };
        consumer.on_producer_pause(tell("producer pause")).detach();
        consumer.on_producer_resume(tell("producer resume")).detach();
        consumer.on_pause(tell("pause")).detach();
        consumer.on_resume(tell("resume")).detach();
        let mut stream = Stream::audio(1111);
        let mut send = |tag: u8| direct(&producer).send(stream.packet(&[tag; 20])).unwrap();
        send(1);
        producer.resume().await.unwrap();
        send(2);
        assert_eq!(events.next(), "producer resume");
        consumer.resume().await.unwrap();
        assert_eq!(events.next(), "resume");
        send(3);
        assert_eq!(packets.next().payload, [3; 20]);
        consumer.pause().await.unwrap();
        assert_eq!(events.next(), "pause");
        send(4);
        consumer.resume().await.unwrap();
        assert_eq!(events.next(), "resume");
        producer.pause().await.unwrap();
        let mut two = [events.next(), events.next()];
        two.sort_unstable();
        assert_eq!(two, ["pause", "producer pause"]);
        send(5);
        let dump = consumer.dump().await.unwrap();
        assert!(!dump.paused && dump.producer_paused && producer.dump().await.unwrap().paused);
        producer.resume().await.unwrap();
        send(6);
        assert_eq!(packets.next().payload, [6; 20]);
    });
}

#[test]
fn wishes_for_pictures_go_the_other_way_and_traces_tell_of_them() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let wishes = rtcp_of(&from);
        let reports = rtcp_of(&to);
        let producer = from.produce(video(&[1111])).await.unwrap();
        let (told, produced) = heard();
        producer.on_trace(move |trace| told.tell(trace.clone())).detach();
        use ProducerTraceEventType as In;
        producer.enable_trace_event(vec![In::KeyFrame, In::Rtp, In::Pli, In::Fir, In::Nack]).await.unwrap();
        assert_eq!(producer.dump().await.unwrap().trace_event_types.len(), 5);
        let consumer = to.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        let ssrc = consumer.rtp_parameters().encodings[0].ssrc.unwrap();
        let (told, consumed) = heard();
        consumer.on_trace(move |trace| told.tell(trace.clone())).detach();
        use ConsumerTraceEventType as Out;
        consumer
            .enable_trace_event(vec![Out::KeyFrame, Out::Rtp, Out::Pli, Out::Fir, Out::Nack])
            .await
            .unwrap();
        assert_eq!(consumer.dump().await.unwrap().trace_event_types.len(), 5);

        let packets = rtp_of(&consumer);
        let mut stream = Stream::video(1111);
        direct(&producer).send(stream.packet(&vp8(true, 1))).unwrap();
        direct(&producer).send(stream.packet(&vp8(false, 2))).unwrap();
        let sequence = packets.next().sequence;
        let is_in = |direction: &TraceEventDirection| matches!(direction, TraceEventDirection::In);
        let ProducerTraceEventData::KeyFrame { info, direction, timestamp } =
            produced.find(|trace| matches!(trace, ProducerTraceEventData::KeyFrame { .. }))
        else {
            unreachable!()
        };
        assert!(info.is_key_frame && is_in(&direction) && timestamp > 0 && !info.is_rtx, "{info:?}");
        assert_eq!(
            (info.ssrc, info.payload_type, info.sequence_number, info.timestamp),
            (1111, 112, 100, 5000)
        );
        // A header of 12 bytes, and 41 of the picture.
        assert_eq!((info.size, info.payload_size, info.marker), (53, 41, true));
        produced.find(|trace| matches!(trace, ProducerTraceEventData::Rtp { .. }));
        let ConsumerTraceEventData::KeyFrame { info, direction, .. } =
            consumed.find(|trace| matches!(trace, ConsumerTraceEventData::KeyFrame { .. }))
        else {
            unreachable!()
        };
        assert!(info.ssrc == ssrc && info.payload_size == 41 && !is_in(&direction), "{info:?}");
        consumed.find(|trace| matches!(trace, ConsumerTraceEventData::Rtp { .. }));

        to.send_rtcp(Rtcp::pli(ssrc).bytes()).unwrap();
        wishes.find(|rtcp| rtcp.is(PAYLOAD_FEEDBACK, PLI) && rtcp.word(1) == 1111);
        produced.find(|trace| matches!(trace, ProducerTraceEventData::Pli { info, .. } if info.ssrc == 1111));
        consumed.find(|trace| matches!(trace, ConsumerTraceEventData::Pli { info, .. } if info.ssrc == ssrc));
        to.send_rtcp(Rtcp::fir(ssrc, 1).bytes()).unwrap();
        consumed.find(|trace| matches!(trace, ConsumerTraceEventData::Fir { info, .. } if info.ssrc == ssrc));
        to.send_rtcp(Rtcp::nack(ssrc, sequence).bytes()).unwrap();
        consumed.find(|trace| matches!(trace, ConsumerTraceEventData::Nack { .. }));
        reports.find(|rtcp| rtcp.kind == SENDER_REPORT && rtcp.word(0) == ssrc);
        consumer.request_key_frame().await.unwrap();
        wishes.find(|rtcp| rtcp.is(PAYLOAD_FEEDBACK, PLI) || rtcp.is(PAYLOAD_FEEDBACK, FIR));
        let [stat] = &producer.get_stats().await.unwrap()[..] else { panic!("one") };
        assert!(stat.pli_count > 0, "{stat:?}");
    });
}

#[test]
fn scores_and_the_camera_are_told() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let producer = from.produce(video(&[1111])).await.unwrap();
        let consumer = to.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        assert_eq!(consumer.score().producer_scores, [0]);
        let (told, scores) = heard();
        producer.on_score(move |scores| told.tell(scores.to_vec())).detach();
        let (told, both) = heard();
        consumer.on_score(move |score| told.tell(score.clone())).detach();
        let (told, turns) = heard();
        producer.on_video_orientation_change(move |turn| told.tell(turn)).detach();
        let mut stream = Stream::video(1111);
        direct(&producer).send(stream.with(&[(ORIENTATION, &[0b1001])], &vp8(true, 1))).unwrap();
        let score = scores.next();
        assert_eq!((score[0].ssrc, score[0].score, score[0].encoding_idx), (1111, 10, 0));
        assert_eq!(both.find(|score| score.producer_score == 10).producer_scores, [10]);
        let turn = turns.next();
        assert!(turn.camera && !turn.flip, "{turn:?}");
        assert_eq!(serde_json::to_value(turn).unwrap()["rotation"], json!(90));
    });
}

#[test]
fn what_closes_is_told_to_those_that_lived_on_it() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let producer = from.produce(audio(1111)).await.unwrap();
        let options = || ConsumerOptions::new(producer.id(), everything(&router));
        let consumer = to.consume(options()).await.unwrap();
        let other = to.consume(options()).await.unwrap();
        let (told, closed) = heard();
        let tell = told.clone();
        consumer.on_producer_close(move || tell.tell("producer")).detach();
        consumer.on_close(move || told.tell("consumer")).detach();
        // One consumer goes by itself.
        let gone = other.id();
        drop(other);
        until(|| (!block_on(to.dump()).unwrap().consumer_ids.contains(&gone)).then_some(()));
        drop(producer);
        let mut two = [closed.next(), closed.next()];
        two.sort_unstable();
        assert_eq!(two, ["consumer", "producer"]);
        assert!(consumer.closed());
        assert!(matches!(consumer.dump().await, Err(RequestError::ChannelClosed)));
        assert!(from.dump().await.unwrap().producer_ids.is_empty());
        assert!(to.dump().await.unwrap().consumer_ids.is_empty());
    });
}

#[test]
fn packets_of_a_peer_go_through_a_plain_transport_and_back() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = PlainTransportOptions::new(local(Protocol::Udp));
        options.comedia = true;
        let transport = router.create_plain_transport(options).await.unwrap();
        let (told, tuples) = heard();
        transport.on_tuple(move |tuple| told.tell(tuple.clone())).detach();
        let producer = transport.produce(audio(1111)).await.unwrap();
        let peer = Peer::of(transport.tuple().local_port());
        let mut stream = Stream::audio(1111);
        peer.send(&stream.packet(b"first"));
        assert_eq!(tuples.next().remote_port(), Some(peer.port()));
        assert_eq!(transport.tuple().remote_port(), Some(peer.port()));
        let consumer =
            transport.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        peer.send(&stream.packet(b"second"));
        let seen = peer.rtp();
        assert_eq!((seen.payload_type, &seen.payload[..]), (100, &b"second"[..]));
        assert_eq!(Some(seen.ssrc), consumer.rtp_parameters().encodings[0].ssrc);
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert!(
            stat.rtp_bytes_received > 0 && stat.rtp_bytes_sent > 0 && stat.bytes_received > 0,
            "{stat:?}"
        );

        // With ports of their own for RTP and RTCP, both of which are learnt.
        let mut options = PlainTransportOptions::new(local(Protocol::Udp));
        (options.comedia, options.rtcp_mux) = (true, false);
        let transport = router.create_plain_transport(options).await.unwrap();
        let (told, tuples) = heard();
        transport.on_rtcp_tuple(move |tuple| told.tell(tuple.clone())).detach();
        let producer = transport.produce(audio(2222)).await.unwrap();
        let (rtp, rtcp) = (
            Peer::of(transport.tuple().local_port()),
            Peer::of(transport.rtcp_tuple().unwrap().local_port()),
        );
        rtp.send(&Stream::audio(2222).packet(b"first"));
        until(|| {
            block_on(producer.get_stats()).unwrap().first().map(|stat| assert_eq!(stat.packet_count, 1))
        });
        rtcp.send(&Rtcp::sender_report(2222, 1).bytes());
        assert_eq!(tuples.next().remote_port(), Some(rtcp.port()));
    });
}
