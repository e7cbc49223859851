//! A plugin changes what one consumer gets: what is sent again is what was sent.
use sfu_core::control::SrtpCryptoSuite;
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::{Attach, ConsumerId, ConsumerInfo, Cx, Plugin, RtpPacket, Verdict, plugin};
use sfu_core::testing::{self, Build, Direction, Media, PeerOptions};

use crate::{ms, seconds};

/// Writes the consumer's place and a count into the payload: no two calls write the same.
#[derive(Default)]
struct Stamp {
    calls: u32,
}

#[plugin(id = "stamp", on_panic = "drop")]
impl Plugin for Stamp {
    type Consumer = ConsumerId;
    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<ConsumerId> {
        Attach::On(info.id)
    }
    fn rtp_out(
        &mut self,
        id: &mut ConsumerId,
        packet: &mut RtpPacket<'_>,
        _: &(),
        _: &mut Cx<'_>,
    ) -> Verdict {
        self.calls += 1;
        let len = packet.payload().len();
        if packet.set_payload_len(len + 8).is_err() {
            return Verdict::Forward;
        }
        if let Ok(payload) = packet.payload_mut() {
            payload[len..len + 4].copy_from_slice(&(id.index() as u32).to_be_bytes());
            payload[len + 4..].copy_from_slice(&self.calls.to_be_bytes());
        }
        Verdict::Forward
    }
}

#[test]
fn by_rtx_the_changed_bytes_come_again() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Stamp>().workers(workers).start();
        let p = bench.video_producer();
        let viewer = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).worker(workers - 1));
        let (lossy, other) = (bench.consume(viewer, p), bench.consumer(p));
        bench.play(&[p], ms(200));
        let before = bench.take_received(lossy);
        let numbers: Vec<u16> = before.iter().map(|packet| packet.sequence).collect();
        let tapped_from = bench.receiver(lossy).rtx_packets;
        bench.tap(viewer, Direction::ToPeer);
        bench.nack(lossy, &numbers);
        // The receiver knows them already, so it counts them as duplicates; the bytes are compared on the wire below.
        assert_eq!(bench.receiver(lossy).rtx_packets - tapped_from, numbers.len() as u64);
        assert_eq!(bench.receiver(lossy).duplicates, numbers.len() as u64);
        assert!(before.iter().all(|packet| packet.payload.len() > 8));
        assert_eq!(bench.receiver(other).lost(), 0);
        // Truly lost packets: what RTX brings is what the hook wrote once.
        let calls_of = |payload: &[u8]| u32::from_be_bytes(*payload.last_chunk().unwrap());
        bench.set_filter(viewer, Direction::ToPeer, {
            let ssrc = bench.receiver(lossy).ssrc();
            let mut n = 0;
            move |datagram| {
                let media = datagram.rtp().is_some_and(|(_, _, other)| other == ssrc);
                n += u32::from(media);
                !media || n % 4 != 0
            }
        });
        bench.play(&[p], seconds(1));
        bench.clear_filter(viewer, Direction::ToPeer);
        bench.advance(ms(300));
        let receiver = bench.receiver(lossy);
        assert_eq!(receiver.lost(), 0);
        assert!(receiver.repaired > 10, "{}", receiver.repaired);
        let mut packets: Vec<_> = receiver.packets.iter().collect();
        packets.sort_by_key(|packet| packet.extended);
        let calls: Vec<u32> = packets.iter().map(|packet| calls_of(&packet.payload)).collect();
        assert!(calls.is_sorted_by(|a, b| a < b), "each hook call once, in order: {calls:?}");
    }
}

#[test]
fn without_rtx_the_identical_srtp_packet_comes_again() {
    for suite in [SrtpCryptoSuite::AeadAes128Gcm, SrtpCryptoSuite::AesCm128HmacSha1_80] {
        for media in [Media::opus(), Media::vp8().without_rtx()] {
            let mut bench = Build::of::<Stamp>().start();
            let speaker = bench.peer();
            let p = bench.produce(speaker, media);
            let viewer = bench.peer_with(PeerOptions::srtp(suite));
            let c = bench.consume(viewer, p);
            bench.tap(viewer, Direction::ToPeer);
            bench.play(&[p], ms(300));
            let first: Vec<_> =
                bench.tap(viewer, Direction::ToPeer).into_iter().filter(|d| d.rtp().is_some()).collect();
            let numbers: Vec<u16> = first.iter().filter_map(|d| Some(d.rtp()?.1)).collect();
            assert!(numbers.len() > 10);
            bench.nack(c, &numbers);
            let again: Vec<_> =
                bench.tap(viewer, Direction::ToPeer).into_iter().filter(|d| d.rtp().is_some()).collect();
            assert_eq!(first, again);
        }
    }
}

#[test]
fn without_hooks_the_identical_srtp_packet_comes_again_too() {
    let mut bench = testing::Bench::empty();
    let speaker = bench.peer();
    let p = bench.produce(speaker, Media::vp8().without_rtx());
    let viewer = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes256Gcm));
    let c = bench.consume(viewer, p);
    bench.tap(viewer, Direction::ToPeer);
    bench.play(&[p], ms(300));
    let first: Vec<_> =
        bench.tap(viewer, Direction::ToPeer).into_iter().filter(|d| d.rtp().is_some()).collect();
    let numbers: Vec<u16> = first.iter().filter_map(|d| Some(d.rtp()?.1)).collect();
    bench.advance(ms(100));
    bench.tap(viewer, Direction::ToPeer);
    bench.nack(c, &numbers);
    let again: Vec<_> =
        bench.tap(viewer, Direction::ToPeer).into_iter().filter(|d| d.rtp().is_some()).collect();
    assert_eq!(first, again);
}

#[test]
fn an_empty_pool_drops_and_counts_and_leaves_no_gap() {
    let mut bench = Build::of::<Stamp>().start();
    let p = bench.audio_producer();
    // 60 listeners remember a second each: more than the 2048 copies that there are.
    let listeners = bench.consumers(p, 60);
    bench.play(&[p], seconds(2));
    let empty = bench.counter("private_pool_empty");
    assert!(empty > 0, "the pool did not run out");
    let mut arrived = 0;
    for c in listeners {
        assert_eq!(bench.receiver(c).lost(), 0);
        arrived += bench.received(c).len() as u64;
        assert!(
            bench.received(c).iter().all(|packet| packet.payload.len() == 15),
            "an unchanged packet leaked"
        );
    }
    assert_eq!(arrived + empty, 100 * 60);
}

/// Sets a header extension for one consumer: its header grows.
#[derive(Default)]
struct Level;

#[plugin(id = "level", on_panic = "forward")]
impl Plugin for Level {
    type Consumer = ();
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_out(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        let _ = packet.set_extension(ExtensionKind::AudioLevel, &[0x2a]);
        Verdict::Forward
    }
}

#[test]
fn a_header_that_grew_arrives_whole_also_when_no_private_copy_is_left() {
    let mut bench = Build::of::<Level>().start();
    let p = bench.audio_producer();
    let listeners = bench.consumers(p, 60);
    bench.play(&[p], seconds(2));
    assert!(bench.counter("private_pool_empty") > 0, "the pool did not run out");
    for c in listeners {
        let id = bench.receiver(c).parameters().header_extensions.iter();
        let id = id.clone().find(|e| e.uri == ExtensionKind::AudioLevel.uri()).unwrap().id;
        assert_eq!(bench.receiver(c).lost(), 0);
        for packet in bench.received(c) {
            assert_eq!(packet.extension(id), Some(&[0x2a][..]));
            assert_eq!(packet.payload.len(), 7);
        }
    }
}
