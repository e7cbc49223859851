//! Whose packet it is.
use sfu_core::control::EventBody;
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::Nil;
use sfu_core::testing::{self, Bench, Build, Media};

use crate::{ms, seconds};

fn bench() -> Bench<Nil> {
    Build::new().start()
}

#[test]
fn signaled_ssrcs_find_their_producers() {
    let mut bench = bench();
    let peer = bench.peer();
    let producers: Vec<_> = (0..3).map(|_| bench.produce(peer, Media::opus())).collect();
    let consumers: Vec<_> = producers.iter().map(|p| bench.consumer(*p)).collect();
    for (n, p) in producers.iter().enumerate() {
        bench.send(*p, testing::opus(n as u32 + 10));
    }
    for (n, c) in consumers.iter().enumerate() {
        assert_eq!(bench.receiver(*c).numbers(), [n as u32 + 10]);
    }
}

#[test]
fn a_mid_teaches_the_ssrc() {
    let mut bench = bench();
    let peer = bench.peer();
    let a = bench.produce(peer, Media::opus().mid("a").unsignaled());
    let b = bench.produce(peer, Media::opus().mid("b").unsignaled());
    let (ca, cb) = (bench.consumer(a), bench.consumer(b));
    bench.send(b, testing::opus(2));
    bench.send(a, testing::opus(1));
    assert_eq!(bench.receiver(ca).numbers(), [1]);
    assert_eq!(bench.receiver(cb).numbers(), [2]);
    let ssrc = bench.sender(b).ssrcs(0).unwrap().0;
    assert!(bench.events_of(b).contains(&EventBody::StreamStarted { encoding: 0, ssrc }));
}

#[test]
fn rids_teach_the_encodings_and_repaired_rids_their_rtx() {
    let mut bench = bench();
    let peer = bench.peer();
    let p = bench.produce(peer, Media::vp8().mid("v").simulcast(&["l", "m", "h"]));
    let c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    let encodings: Vec<u8> = bench.producer_stats(p).streams.iter().map(|stream| stream.encoding).collect();
    assert_eq!(encodings, [0, 1, 2]);
    assert!(bench.received(c).len() > 60);
    assert_eq!(bench.receiver(c).lost(), 0);
    // Lost packets of each encoding come by RTX, whose SSRC nobody signaled.
    for encoding in 0..3 {
        bench.send(p, testing::vp8(9000).encoding(encoding).lost());
        bench.send(p, testing::vp8(9001).encoding(encoding));
    }
    bench.advance(ms(200));
    let stats = bench.producer_stats(p);
    for stream in &stats.streams {
        assert_eq!(stream.packets_lost, 0, "{stream:?}");
        assert_eq!(stream.packets_repaired, 1, "{stream:?}");
        assert_eq!(stream.rtx_ssrc, Some(bench.sender(p).ssrcs(stream.encoding.into()).unwrap().1));
    }
}

#[test]
fn what_belongs_to_nobody_is_dropped_counted_and_leaves_nothing() {
    let mut bench = bench();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    for n in 0..2000 {
        bench.send(p, testing::opus(n).ssrc(0xdead_0000 + n));
    }
    assert_eq!(bench.counter("rtp_unknown_stream"), 2000);
    let peer = bench.peer_of_producer(p);
    assert_eq!(bench.transport_stats(peer).unknown_streams, 2000);
    assert!(bench.received(c).is_empty());
    bench.send(p, testing::opus(1));
    assert_eq!(bench.received(c).len(), 1);
    assert_eq!(bench.producer_stats(p).streams.len(), 1);
}

#[test]
fn learning_is_bounded() {
    let mut bench = bench();
    let peer = bench.peer();
    let p = bench.produce(peer, Media::opus().mid("a").unsignaled());
    for n in 0..2000 {
        bench.send(p, testing::opus(n).ssrc(0xbeef_0000 + n));
    }
    assert!(bench.counter("rtp_unknown_stream") >= 2000 - 256);
}

#[test]
fn an_unknown_payload_type_goes_nowhere() {
    let mut bench = bench();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    bench.send(p, testing::opus(1));
    bench.send(p, testing::opus(2).payload_type(50));
    bench.send(p, testing::opus(3));
    assert_eq!(bench.receiver(c).numbers(), [1, 3]);
}

#[test]
fn header_extensions_leave_under_the_receivers_ids() {
    let mut bench = bench();
    let peer = bench.peer();
    let p = bench.produce(peer, Media::opus().mid("audio-mid"));
    let c = bench.consumer(p);
    bench.send(p, testing::opus(1).extension(ExtensionKind::AudioLevel, [0x85]));
    let ids = bench.receiver(c).parameters().header_extensions.clone();
    let id = |kind: ExtensionKind| ids.iter().find(|e| e.uri == kind.uri()).unwrap().id;
    let sent = bench.sender(p).parameters().header_extensions.clone();
    let sent_id = sent.iter().find(|e| e.uri == ExtensionKind::AudioLevel.uri()).unwrap().id;
    assert_ne!(id(ExtensionKind::AudioLevel), sent_id, "else the test sees nothing");
    let packet = &bench.received(c)[0];
    assert_eq!(packet.extension(id(ExtensionKind::AudioLevel)), Some(&[0x85][..]));
    assert_eq!(packet.extension(id(ExtensionKind::Mid)), Some(&b"0"[..]), "the receiver's own MID");
    assert_eq!(packet.extension(id(ExtensionKind::AbsSendTime)).map(<[u8]>::len), Some(3));
    assert_eq!(packet.extension(id(ExtensionKind::TransportCc)).map(<[u8]>::len), Some(2));
    assert_eq!(packet.extensions.len(), 4, "{:?}", packet.extensions);
}

#[test]
fn padding_is_no_media_and_leaves_no_gap() {
    let mut bench = bench();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    bench.send(p, testing::opus(1));
    bench.send(p, testing::Rtp::new(960, []).padding(100));
    bench.send(p, testing::opus(3).padding(7));
    assert_eq!(bench.receiver(c).numbers(), [1, 3]);
    assert_eq!(bench.receiver(c).lost(), 0);
}
