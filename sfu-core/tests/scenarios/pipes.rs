//! Transports to another worker.
use sfu_core::control::{
    Command, ConnectPlainTransport, ConsumerOptions, ConsumerType, Dump, ErrorKind, LinkDump, ListenInfo,
    MediaKind, PipeTransportOptions, PlainTransportCreated, PlainTransportOptions, ProducerId,
    ProducerOptions, Reply, RtpEncodingParameters, RtpMapping, RtpParameters, RtxParameters, SrtpCryptoSuite,
    SrtpParameters, StreamStats, TransportId,
};
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::Nil;
use sfu_core::testing::{self, Bench, Build, Media, PeerOptions};

use crate::{ms, seconds};

fn pipe(bench: &mut Bench<Nil>, worker: u8, enable_srtp: bool) -> PlainTransportCreated {
    let router = bench.router(worker);
    let options = PipeTransportOptions { enable_rtx: true, enable_srtp, ..Default::default() };
    match bench.command(Command::CreatePipeTransport { router, options }) {
        Reply::PipeTransport(created) => created,
        other => panic!("unexpected {other:?}"),
    }
}

fn peer_of(other: &PlainTransportCreated) -> ConnectPlainTransport {
    ConnectPlainTransport {
        ip: Some(other.tuple.local.ip()),
        port: Some(other.tuple.local.port()),
        rtcp_port: None,
        srtp: other.srtp_parameters.clone(),
    }
}

/// Two pipes, joined: on the first media thread and on the second.
fn joined(bench: &mut Bench<Nil>, srtp: bool) -> [TransportId; 2] {
    let [a, b] = [0, 1].map(|worker| pipe(bench, worker, srtp));
    for (own, other) in [(&a, &b), (&b, &a)] {
        bench.command(Command::ConnectPipeTransport { transport: own.id, peer: peer_of(other) });
    }
    [a.id, b.id]
}

/// What a pipe carries of a producer: its payload types, all its encodings, no MID and no RID.
fn carried(sent: &RtpParameters, first: u32) -> RtpParameters {
    let mut parameters = sent.clone();
    parameters.mid = None;
    parameters.header_extensions.retain(|e| {
        ![ExtensionKind::Mid, ExtensionKind::Rid, ExtensionKind::RepairedRid].iter().any(|k| k.uri() == e.uri)
    });
    for (index, encoding) in parameters.encodings.iter_mut().enumerate() {
        let ssrc = first + 2 * index as u32;
        *encoding = RtpEncodingParameters {
            ssrc: Some(ssrc),
            rtx: Some(RtxParameters { ssrc: ssrc + 1 }),
            ..Default::default()
        };
    }
    parameters
}

/// Carries a producer from one pipe to the other.
fn carry(
    bench: &mut Bench<Nil>,
    [near, far]: [TransportId; 2],
    producer: ProducerId,
    kind: MediaKind,
) -> (sfu_core::control::ConsumerId, ProducerId) {
    let parameters = carried(bench.sender(producer).parameters(), 7000);
    let mut options = ConsumerOptions::new(producer, parameters.clone());
    options.kind = ConsumerType::Pipe;
    // The router of the test knows payload types by other numbers, but the consumer has the producer's own.
    options.consumable_encodings = parameters.encodings.clone();
    let consumer = match bench.command(Command::Consume { transport: near, options }) {
        Reply::Consumer(id) => id,
        other => panic!("unexpected {other:?}"),
    };
    let mut options = ProducerOptions::new(kind, parameters);
    options.rtp_mapping = RtpMapping::identity(&options.rtp_parameters);
    match bench.command(Command::Produce { transport: far, options }) {
        Reply::Producer(created) => (consumer, created.id),
        other => panic!("unexpected {other:?}"),
    }
}

/// A peer of the far worker that receives a producer which no test peer sends.
fn view(
    bench: &mut Bench<Nil>,
    producer: ProducerId,
    mut parameters: RtpParameters,
) -> sfu_core::control::ConsumerId {
    parameters.encodings = vec![RtpEncodingParameters { ssrc: Some(9000), ..Default::default() }];
    let peer = bench.peer_with(PeerOptions::webrtc().worker(1));
    bench.try_consume_as(peer, ConsumerOptions::new(producer, parameters)).expect("a consumer")
}

#[test]
fn all_encodings_travel_by_a_pipe_with_their_ids_and_are_seen_behind_it() {
    for srtp in [false, true] {
        let mut bench = Build::<Nil>::new().workers(2).start();
        let ann = bench.peer_with(PeerOptions::webrtc());
        let p = bench.produce(ann, Media::vp8().mid("v").simulcast(&["l", "m", "h"]));
        let pipes = joined(&mut bench, srtp);
        let (consumer, copy) = carry(&mut bench, pipes, p, MediaKind::Video);
        let parameters = carried(bench.sender(p).parameters(), 7000);
        let c = view(&mut bench, copy, parameters);
        bench.play(&[p], seconds(3));
        let streams = bench.worker_stats_of(copy).producers.remove(0).streams;
        assert_eq!(streams.iter().map(|stream| stream.ssrc).collect::<Vec<_>>(), [7000, 7002, 7004]);
        for stream in &streams {
            assert!(stream.packets > 200 && stream.packets_lost == 0, "srtp {srtp}: {stream:?}");
            assert!(stream.key_frames >= 1, "srtp {srtp}: {stream:?}");
        }
        let Reply::Dump(Dump::Producer(dump)) = bench.command(Command::Dump(copy.into())) else { panic!() };
        assert!(dump.streams.iter().all(|stream| stream.payload_type == 96), "{dump:?}");
        assert!(bench.received(c).len() > 200, "srtp {srtp}: {}", bench.received(c).len());
        assert_eq!(bench.receiver(c).lost(), 0);
        // A wish for a key frame goes back all the way, for the encoding that is seen alone.
        let before = bench.sender(p).plis;
        bench.advance(seconds(2));
        bench.pli(c);
        bench.advance(ms(100));
        assert_eq!(bench.sender(p).plis, before + 1, "srtp {srtp}");
        // What the pipe sends has figures by stream.
        let stats = bench.consumer_stats(consumer);
        let sent: Vec<_> = std::iter::once(stats.stream).chain(stats.others).collect();
        let of = |stream: &StreamStats| (stream.encoding, stream.ssrc, stream.rtx_ssrc);
        let expected = [(0, 7000, Some(7001)), (1, 7002, Some(7003)), (2, 7004, Some(7005))];
        assert_eq!(sent.iter().map(of).collect::<Vec<_>>(), expected);
        for stream in &sent {
            assert!(stream.packets > 200 && stream.key_frames >= 1, "srtp {srtp}: {stream:?}");
            assert_eq!((&*stream.mime_type, stream.clock_rate), ("video/VP8", 90_000));
        }
        let wished: Vec<_> = sent.iter().map(|stream| stream.plis).collect();
        assert!(wished.iter().filter(|wishes| **wishes > 0).count() < 3, "of one encoding alone: {wished:?}");
        // Reports of each stream cross the pipe: each side knows the other's.
        bench.play(&[p], seconds(2));
        let Reply::Dump(Dump::Consumer(dump)) = bench.command(Command::Dump(consumer.into())) else {
            panic!()
        };
        assert_eq!(
            dump.streams.iter().map(|s| (s.ssrc, s.rtx_ssrc)).collect::<Vec<_>>(),
            [(7000, Some(7001)), (7002, Some(7003)), (7004, Some(7005))]
        );
        assert_eq!(bench.strays(), []);
        // Nothing stays behind.
        for transport in pipes {
            bench.close(transport);
        }
        assert_eq!(bench.counter("producers"), 1);
        assert_eq!((bench.open_sockets(0).len(), bench.open_sockets(1).len()), (0, 0));
    }
}

#[test]
fn packet_numbers_are_given_once_and_carried_by_pipes() {
    let mut bench = Build::<Nil>::new().workers(2).start();
    let ann = bench.peer_with(PeerOptions::plain());
    let number = sfu_core::control::RtpHeaderExtensionParameters {
        uri: "urn:mediasoup:params:rtp-hdrext:packet-id".into(),
        id: 6,
    };
    let p = bench.try_produce_with(ann, Media::opus(), |options| options.packet_ids = true).unwrap();
    let bob = bench.peer_with(PeerOptions::plain());
    let near = bench
        .try_consume_with(bob, p, |o| o.rtp_parameters.header_extensions.push(number.clone()))
        .expect("a consumer");
    let pipes = joined(&mut bench, false);
    let mut parameters = carried(bench.sender(p).parameters(), 7000);
    parameters.header_extensions.push(number);
    parameters.encodings[0].rtx = None;
    let options = ConsumerOptions { kind: ConsumerType::Pipe, ..ConsumerOptions::new(p, parameters.clone()) };
    bench.command(Command::Consume { transport: pipes[0], options });
    let options =
        ProducerOptions { packet_ids: true, ..ProducerOptions::new(MediaKind::Audio, parameters.clone()) };
    let Reply::Producer(copy) = bench.command(Command::Produce { transport: pipes[1], options }) else {
        panic!()
    };
    let far = view(&mut bench, copy.id, parameters);
    bench.play(&[p], seconds(1));
    let numbers = |bench: &Bench<Nil>, c| -> Vec<(u32, u32)> {
        let all = bench.received(c).iter();
        let of = |packet: &testing::Received| {
            let value = packet.extension(6).and_then(|value| value.try_into().ok());
            (packet.number(), u32::from_be_bytes(value.expect("a number of four bytes")))
        };
        all.map(of).collect()
    };
    let (seen, carried) = (numbers(&bench, near), numbers(&bench, far));
    assert_eq!(seen.len(), 50);
    assert!(seen.windows(2).all(|pair| pair[1].1 == pair[0].1.wrapping_add(1)), "{seen:?}");
    assert_eq!(seen[seen.len() - carried.len()..], carried, "the same packet has the same number");
    assert!(carried.len() > 45);
}

#[test]
fn connecting_says_what_is_missing_or_too_much_and_a_refusal_changes_nothing() {
    let mut bench = Build::<Nil>::new().workers(2).start();
    let (ip, port) = (Some([10, 0, 0, 9].into()), Some(5004));
    let key = |crypto_suite, len: usize| SrtpParameters {
        crypto_suite,
        key_base64: {
            // Base64 of zeros.
            let mut text = "A".repeat((len * 8).div_ceil(6));
            text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
            text
        },
    };
    use SrtpCryptoSuite::{AeadAes256Gcm, AesCm128HmacSha1_80};
    let whole = ConnectPlainTransport { ip, port, rtcp_port: None, srtp: None };
    let secured = || ConnectPlainTransport { srtp: Some(key(AeadAes256Gcm, 44)), ..whole.clone() };
    let refusals: [(bool, ConnectPlainTransport, &str); 7] = [
        (false, ConnectPlainTransport { ip: None, ..whole.clone() }, "address and port"),
        (false, ConnectPlainTransport { port: None, ..whole.clone() }, "address and port"),
        (false, ConnectPlainTransport { rtcp_port: Some(9), ..whole.clone() }, "no RTCP port"),
        (false, secured(), "leave the key out"),
        (true, whole.clone(), "key is missing"),
        (
            true,
            ConnectPlainTransport { srtp: Some(key(AesCm128HmacSha1_80, 30)), ..whole.clone() },
            "AEAD_AES_256_GCM",
        ),
        (
            true,
            ConnectPlainTransport { srtp: Some(key(AeadAes256Gcm, 43)), ..whole.clone() },
            "control.connect",
        ),
    ];
    let pipes = [false, true].map(|srtp| pipe(&mut bench, 0, srtp));
    assert_eq!(pipes[1].srtp_parameters.as_ref().map(|key| key.crypto_suite), Some(AeadAes256Gcm));
    for (srtp, peer, expected) in refusals {
        let transport = pipes[usize::from(srtp)].id;
        let error = bench.try_command(Command::ConnectPipeTransport { transport, peer }).expect_err(expected);
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.text.contains(expected), "{error}");
    }
    let transport = pipes[0].id;
    let error = bench
        .try_command(Command::ConnectPlainTransport { transport, peer: whole.clone() })
        .expect_err("a pipe is no plain transport");
    assert!(error.text.contains("no plain transport"), "{error}");
    let connect = Command::ConnectPipeTransport { transport, peer: whole.clone() };
    let Reply::PipeTransport(connected) = bench.command(connect.clone()) else { panic!() };
    assert_eq!(connected.tuple.remote, Some("10.0.0.9:5004".parse().unwrap()));
    assert_eq!(bench.try_command(connect).expect_err("once").kind, ErrorKind::State);
    let transport = pipes[1].id;
    let Reply::PipeTransport(connected) =
        bench.command(Command::ConnectPipeTransport { transport, peer: secured() })
    else {
        panic!()
    };
    assert_eq!(connected.srtp_parameters, pipes[1].srtp_parameters, "our key is the one that was told");
    let Reply::Dump(Dump::Transport(dump)) = bench.command(Command::Dump(transport.into())) else { panic!() };
    assert_eq!(
        dump.link,
        LinkDump::Pipe { tuple: connected.tuple, rtx: true, srtp_parameters: connected.srtp_parameters }
    );
}

#[test]
fn the_peer_of_a_plain_transport_chooses_the_suite_and_learns_our_key_for_it() {
    let mut bench = Bench::empty();
    let router = bench.router(0);
    for comedia in [false, true] {
        let options = PlainTransportOptions {
            comedia,
            listen: ListenInfo::default(),
            srtp: Some(SrtpCryptoSuite::AesCm128HmacSha1_80),
            ..Default::default()
        };
        let Reply::PlainTransport(made) = bench.command(Command::CreatePlainTransport { router, options })
        else {
            panic!()
        };
        let key = SrtpParameters {
            crypto_suite: SrtpCryptoSuite::AeadAes256Gcm,
            key_base64: "YTdjcDBvY2JoMGY5YXNlNDc0eDJsdGgwaWRvNnJsamRrdG16aWVpZHphdHo=".into(),
        };
        let (ip, port) = (Some([10, 0, 0, 9].into()), Some(5004));
        if comedia {
            let peer = ConnectPlainTransport { ip, port, rtcp_port: None, srtp: Some(key.clone()) };
            let error = bench.try_command(Command::ConnectPlainTransport { transport: made.id, peer });
            assert!(error.expect_err("learnt").text.contains("comedia"));
        }
        let peer = ConnectPlainTransport {
            ip: ip.filter(|_| !comedia),
            port: port.filter(|_| !comedia),
            rtcp_port: None,
            srtp: Some(key),
        };
        let connect = Command::ConnectPlainTransport { transport: made.id, peer };
        let Reply::PlainTransport(connected) = bench.command(connect) else { panic!() };
        let own = connected.srtp_parameters.expect("our key");
        assert_eq!(own.crypto_suite, SrtpCryptoSuite::AeadAes256Gcm);
        assert_eq!((own.key_base64.len(), made.srtp_parameters.unwrap().key_base64.len()), (60, 40));
    }
}
