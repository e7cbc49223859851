//! A plugin changes what one consumer gets: what is sent again is what was sent.
use sfu_core::control::SrtpCryptoSuite;
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::{Attach, ConsumerId, ConsumerInfo, Cx, Plugin, RtpPacket, Verdict, plugin};
use sfu_core::testing::{self, Build, Datagram, Direction, Media, PeerOptions};

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
            let place = (u32::from(id.worker()) << 16) | id.index() as u32;
            payload[len..len + 4].copy_from_slice(&place.to_be_bytes());
            payload[len + 4..].copy_from_slice(&self.calls.to_be_bytes());
        }
        Verdict::Forward
    }
}

/// Payloads on the wire by media sequence number: sent first under `media`, sent again under `again`. RTX names the number in the
/// payload's first two bytes.
fn payloads_by_number(wire: &[Datagram], media: u32, again: u32) -> [Vec<(u16, Vec<u8>)>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for datagram in wire {
        let Some(((_, number, ssrc), payload)) = datagram.rtp().zip(datagram.rtp_payload()) else { continue };
        match ssrc {
            _ if ssrc == media => found[0].push((number, payload.to_vec())),
            _ if ssrc == again => {
                let (original, payload) = payload.split_first_chunk().expect("an original sequence number");
                found[1].push((u16::from_be_bytes(*original), payload.to_vec()));
            }
            _ => panic!("an unknown SSRC {ssrc}"),
        }
    }
    found
}

#[test]
fn by_rtx_the_changed_bytes_come_again_on_the_wire() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Stamp>().workers(workers).start();
        let p = bench.video_producer();
        let viewers = [workers - 1, 0].map(|worker| bench.peer_with(PeerOptions::plain().worker(worker)));
        let consumers = viewers.map(|viewer| bench.consume(viewer, p));
        for viewer in viewers {
            bench.tap(viewer, Direction::ToPeer);
        }
        bench.play(&[p], ms(300));
        let mut seen = Vec::new();
        for (viewer, c) in viewers.into_iter().zip(consumers) {
            let receiver = bench.receiver(c);
            let (media, rtx) = (receiver.ssrc(), receiver.rtx_ssrc().expect("RTX"));
            let wire = bench.tap(viewer, Direction::ToPeer);
            let [first, early] = payloads_by_number(&wire, media, rtx);
            assert!(first.len() > 10 && early.is_empty(), "{workers} workers");
            let numbers: Vec<u16> = first.iter().map(|(number, _)| *number).collect();
            bench.nack(c, &numbers);
            let wire = bench.tap(viewer, Direction::ToPeer);
            let [media_again, again] = payloads_by_number(&wire, media, rtx);
            assert!(media_again.is_empty(), "RTX has an SSRC of its own");
            assert_eq!(again, first, "{workers} workers: each packet asked for, as it was sent first");
            seen.push(first);
        }
        // Both got every packet of the producer, each with a payload of its own.
        assert_eq!(seen[0].len(), seen[1].len());
        assert!(seen[0].iter().zip(&seen[1]).all(|((_, one), (_, other))| one != other));
        let of_producer = |(_, payload): &(u16, Vec<u8>)| payload[..payload.len() - 8].to_vec();
        assert!(seen[0].iter().map(of_producer).eq(seen[1].iter().map(of_producer)));
    }
}

#[test]
fn under_every_protection_what_comes_again_is_what_came_first() {
    // Without RTX a receiver with SRTP takes what it has already for a replay: see the next tests for that.
    for (options, media) in [
        (PeerOptions::plain(), Media::vp8()),
        (PeerOptions::plain(), Media::vp8().without_rtx()),
        (PeerOptions::webrtc(), Media::vp8()),
        (PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm), Media::vp8()),
        (PeerOptions::srtp(SrtpCryptoSuite::AesCm128HmacSha1_80), Media::vp8()),
    ] {
        let text = format!("{options:?}, {media:?}");
        let mut bench = Build::of::<Stamp>().start();
        let speaker = bench.peer();
        let p = bench.produce(speaker, media.clone());
        let consumers = [0, 1].map(|_| {
            let viewer = bench.peer_with(options.clone());
            bench.consume(viewer, p)
        });
        bench.play(&[p], ms(300));
        let mut seen = Vec::new();
        for c in consumers {
            let first = bench.received(c).to_vec();
            let numbers: Vec<u16> = first.iter().map(|packet| packet.sequence).collect();
            bench.nack(c, &numbers);
            let again = &bench.receiver(c).again;
            assert!(numbers.len() > 10 && again.len() == numbers.len(), "{text}");
            for (first, again) in first.iter().zip(again) {
                assert_eq!(again.by_rtx, media == Media::vp8(), "{text}");
                assert_eq!(
                    (again.sequence, again.payload_type, again.timestamp, again.marker, &again.payload),
                    (first.sequence, first.payload_type, first.timestamp, first.marker, &first.payload),
                    "{text}"
                );
            }
            seen.push(first);
        }
        assert!(seen[0].iter().zip(&seen[1]).all(|(one, other)| one.payload != other.payload), "{text}");
    }
}

#[test]
fn what_rtx_brings_in_place_of_a_lost_packet_is_what_the_hook_wrote_once() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Stamp>().workers(workers).start();
        let p = bench.video_producer();
        let viewer = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).worker(workers - 1));
        let (lossy, other) = (bench.consume(viewer, p), bench.consumer(p));
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
        assert_eq!(receiver.lost() + bench.receiver(other).lost(), 0);
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
            let viewers = [0, 1].map(|_| bench.peer_with(PeerOptions::srtp(suite)));
            let consumers = viewers.map(|viewer| bench.consume(viewer, p));
            for viewer in viewers {
                bench.tap(viewer, Direction::ToPeer);
            }
            bench.play(&[p], ms(300));
            for (viewer, c) in viewers.into_iter().zip(consumers) {
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
