//! Which packets the hot hooks see, what their verdicts do, and that slow ones are found.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sfu_core::control::{EventBody, Target};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Error, NewRtp, Plugin, PluginSet, ProducerId, ProducerInfo,
    Responder, Rows, RtcpPacket, RtpPacket, Start, TransportInfo, Verdict, config, plugin, request,
};
use sfu_core::testing::{self, Bench, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

/// Notes each packet that comes in: its number, SSRC and payload type, and how often.
#[derive(Default)]
struct Tally {
    seen: BTreeMap<u32, u32>,
    streams: BTreeSet<(u32, u8)>,
}

#[request]
#[derive(Debug)]
struct Show {}

#[plugin(id = "tally")]
impl Plugin for Tally {
    type Request = Show;
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        let number = packet.payload().last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        *self.seen.entry(number).or_default() += 1;
        self.streams.insert((packet.ssrc(), packet.payload_type()));
        Verdict::Forward
    }
    fn request(&mut self, _: Show, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        let seen: Vec<_> = self.seen.iter().collect();
        re.ok(json!({ "seen": seen, "streams": self.streams }));
    }
}

#[test]
fn rtp_in_sees_each_media_packet_once_through_loss_and_duplication() {
    for (workers, webrtc, media) in [
        (1, false, Media::vp8()),
        (2, false, Media::vp8()),
        (1, true, Media::vp8()),
        (2, false, Media::vp8().without_rtx()),
    ] {
        let options = if webrtc { PeerOptions::webrtc() } else { PeerOptions::plain() };
        let mut bench = Build::of::<Tally>().workers(workers).seed(11).start();
        let ann = bench.peer_with(options);
        let p = bench.produce(ann, media.clone());
        let listeners = bench.consumers(p, 2);
        let rough = Conditions::delay(ms(15)).loss(0.08).duplicate(0.1).reorder(0.05);
        bench.set_path(ann, Direction::ToWorker, rough);
        // What was overtaken comes before the retransmission that it was asked for with.
        bench.set_path(ann, Direction::ToPeer, Conditions::delay(ms(40)));
        bench.play(&[p], seconds(4));
        bench.set_path(ann, Direction::ToWorker, Conditions::delay(ms(15)));
        // The last packets make the gaps before them seen.
        bench.play(&[p], ms(200));
        bench.advance(seconds(2));
        let text = format!("{workers} workers, webrtc {webrtc}, {media:?}");
        let answer = bench.request("tally", p, json!({})).unwrap();
        let sent = bench.receiver(listeners[0]).numbers().into_iter().max().unwrap();
        let once: Vec<[u32; 2]> = (1..=sent).map(|number| [number, 1]).collect();
        assert_eq!(answer["seen"], json!(once), "{text}");
        // What came in a retransmission looks as what it repairs.
        let payload_type = bench.sender(p).parameters().codecs[0].payload_type;
        let (ssrc, _) = bench.sender(p).ssrcs(0).unwrap();
        assert_eq!(answer["streams"], json!([[ssrc, payload_type]]), "{text}");
        let stream = bench.producer_stats(p).streams[0].clone();
        assert!(stream.packets_repaired > 5, "{text}: {stream:?}");
        // SRTP has refused duplicates before.
        assert!(webrtc || stream.packets_discarded > 5, "{text}: {stream:?}");
    }
}

/// Notes the RTCP that comes in: type, count field, and whether the core acted upon it.
#[derive(Default)]
struct Listener {
    heard: Vec<(u8, u8, bool)>,
}

#[plugin(id = "listener")]
impl Plugin for Listener {
    type Request = Show;
    type Transport = ();
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtcp_in(&mut self, _: &mut (), packet: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        let bytes = packet.as_bytes();
        self.heard.push((bytes[1], bytes[0] & 0x1f, packet.is_consumed()));
        Verdict::Forward
    }
    fn request(&mut self, _: Show, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.ok(std::mem::take(&mut self.heard));
    }
}

/// One RTCP packet: type, count field, and its words after the header.
fn packet(packet_type: u8, count: u8, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0x80 | count, packet_type, 0, words.len() as u8];
    words.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
    bytes
}

#[test]
fn rtcp_in_sees_each_packet_and_whether_the_core_took_it() {
    for workers in [1, 2] {
        for options in [PeerOptions::plain(), PeerOptions::webrtc()] {
            let mut bench = Build::of::<Listener>().workers(workers).start();
            let ann = bench.peer_with(options.clone().without_reports());
            let bob = bench.peer_with(options.worker(workers - 1).without_reports());
            let p = bench.produce(ann, Media::vp8());
            let c = bench.consume(bob, p);
            bench.play(&[p], ms(100));
            let (to_bob, of_ann) = (bench.receiver(c).ssrc(), bench.sender(p).ssrcs(0).unwrap().0);
            let (stranger, remb) = (0x7777_0000, u32::from_be_bytes(*b"REMB"));
            let about = |ssrc| [bob_ssrc(), ssrc, 0, 9, 0, 0, 0];
            let bob_says = [
                (packet(201, 1, &about(to_bob)), true),
                (packet(202, 1, &[1, 0x0101_6100, 0]), false),
                (packet(206, 1, &[1, to_bob]), true),
                (packet(206, 1, &[1, stranger]), false),
                (packet(205, 1, &[1, to_bob, 0x0001_0000]), true),
                (packet(205, 1, &[1, stranger, 0x0001_0000]), false),
                (packet(206, 4, &[1, 0, to_bob, 0x0100_0000]), true),
                (packet(206, 4, &[1, 0, stranger, 0x0100_0000]), false),
                (packet(206, 15, &[1, 0, remb, 0x0100_03e8, to_bob]), true),
                (packet(205, 15, &[1, to_bob, 0x0001_0001, 0x0000_0000, 0x2001_0000]), true),
                (packet(207, 0, &[1, 0x0400_0002, 1, 2]), false),
                (packet(204, 0, &[1, 0x6e61_6d65]), false),
                (packet(203, 1, &[1]), false),
            ];
            let ann_says = [(packet(200, 0, &[of_ann, 1, 2, 3, 4, 5]), true)];
            for (peer, says) in [(bob, &bob_says[..]), (ann, &ann_says[..])] {
                let heard: Vec<(u8, u8, bool)> =
                    says.iter().map(|(bytes, taken)| (bytes[1], bytes[0] & 0x1f, *taken)).collect();
                let transport = bench.transport(peer);
                // All in one datagram, and each in its own.
                let compound: Vec<u8> = says.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
                bench.request("listener", transport, json!({})).unwrap();
                bench.send_rtcp(peer, &compound);
                assert_eq!(bench.request("listener", transport, json!({})), Ok(json!(heard)), "{workers}");
                for (bytes, _) in says {
                    bench.send_rtcp(peer, bytes);
                }
                assert_eq!(bench.request("listener", transport, json!({})), Ok(json!(heard)), "{workers}");
            }
            // What can't be read is counted, and what follows it is heard.
            let transport = bench.transport(bob);
            let before = bench.counter("rtcp_malformed");
            bench.send_rtcp(bob, &[packet(201, 3, &[1]), packet(203, 1, &[1])].concat());
            assert_eq!(bench.counter("rtcp_malformed"), before + 1);
            assert_eq!(bench.request("listener", transport, json!({})), Ok(json!([[203, 1, false]])));
        }
    }
}

fn bob_ssrc() -> u32 {
    0x0b0b_0b0b
}

/// Counts the RTCP that leaves, by its type, and keeps some types from it.
struct Censor {
    config: CensorConfig,
    seen: BTreeMap<u8, u32>,
}

#[config]
#[derive(Debug, Clone, Default)]
struct CensorConfig {
    drop: Vec<u8>,
}

#[plugin(id = "censor")]
impl Plugin for Censor {
    type Config = CensorConfig;
    type Request = Show;
    type Transport = ();
    fn new(config: CensorConfig, _: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Censor { config, seen: BTreeMap::new() })
    }
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtcp_out(&mut self, _: &mut (), packet: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        let packet_type = packet.as_bytes()[1];
        *self.seen.entry(packet_type).or_default() += 1;
        if self.config.drop.contains(&packet_type) { Verdict::Drop } else { Verdict::Forward }
    }
    fn request(&mut self, _: Show, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.ok(&self.seen);
    }
}

#[test]
fn rtcp_out_sees_our_own_reports_and_its_drop_keeps_them_here() {
    for workers in [1, 2] {
        for drop in [vec![], vec![200], vec![201], vec![205, 206], vec![200, 201, 205, 206]] {
            let config = json!({ "censor": { "drop": drop } });
            let mut bench = Build::of::<Censor>().workers(workers).config(config).start();
            let p = bench.video_producer();
            let c = bench.consumer(p);
            let (ann, bob) = (bench.peer_of_producer(p), bench.peer_of_consumer(c));
            bench.play(&[p], seconds(4));
            bench.pli(c);
            // One packet is missing, for which the sender is asked.
            let mut first = true;
            bench.set_filter(ann, Direction::ToWorker, move |d| {
                d.rtp().is_none() || !std::mem::take(&mut first)
            });
            bench.play(&[p], seconds(1));
            let text = format!("{workers} workers, {drop:?} dropped");
            let all = bench.request("censor", Target::Worker, json!({})).unwrap();
            let seen = |packet_type: u8| -> u64 {
                let name = packet_type.to_string();
                all.as_array().unwrap().iter().filter_map(|seen| seen.get(&name)?.as_u64()).sum()
            };
            for packet_type in [200, 201, 205, 206] {
                assert!(seen(packet_type) > 0, "{text}: {all}");
            }
            let arrived = |packet_type: u8| {
                let of = |peer| bench.rtcp(peer).iter().filter(|bytes| contains(bytes, packet_type)).count();
                (of(ann) + of(bob)) as u64
            };
            for packet_type in [200, 201, 205, 206] {
                if drop.contains(&packet_type) {
                    assert_eq!(arrived(packet_type), 0, "{text}");
                } else if drop.is_empty() {
                    assert_eq!(arrived(packet_type), seen(packet_type), "{text}");
                } else if drop.len() == 1 {
                    assert!(arrived(packet_type) > 0, "{text}");
                }
            }
            assert_eq!(bench.receiver(c).sender_reports.is_empty(), drop.contains(&200), "{text}");
            assert_eq!(bench.sender(p).reports.is_empty(), drop.contains(&201), "{text}");
            assert_eq!(bench.sender(p).nacks == 0, drop.contains(&205), "{text}");
        }
    }
}

/// Whether a compound has a packet of a type.
fn contains(compound: &[u8], packet_type: u8) -> bool {
    let mut rest = compound;
    while let Some(&[_, found, high, low]) = rest.first_chunk() {
        if found == packet_type {
            return true;
        }
        rest = rest.get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
    }
    false
}

/// Takes 8 ms in the hook that its configuration names.
struct Slow {
    hook: String,
}

#[config]
#[derive(Debug, Clone, Default)]
struct SlowConfig {
    hook: String,
}

impl Slow {
    fn work(&self, hook: &str) -> Verdict {
        if self.hook == hook {
            testing::spend(ms(8));
        }
        Verdict::Forward
    }
}

#[plugin(id = "slow", on_panic = "forward")]
impl Plugin for Slow {
    type Config = SlowConfig;
    type Producer = ();
    type Consumer = ();
    type Transport = ();
    fn new(config: SlowConfig, _: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Slow { hook: config.hook })
    }
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        self.work("rtp_in")
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        self.work("rtp_out")
    }
    fn rtcp_in(&mut self, _: &mut (), _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        self.work("rtcp_in")
    }
    fn rtcp_out(&mut self, _: &mut (), _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        self.work("rtcp_out")
    }
}

/// The target and text of the first fault.
fn first_fault<S: PluginSet>(bench: &Bench<S>) -> Option<(Target, String)> {
    bench.events().iter().find_map(|event| match &event.body {
        EventBody::PluginFault { plugin, step, text } => {
            assert_eq!((plugin.as_str(), step.as_str()), ("slow", "slow"));
            Some((event.target, text.clone()))
        }
        _ => None,
    })
}

#[test]
fn a_slow_hot_hook_is_named_within_a_second() {
    for workers in [1, 2] {
        for hook in ["rtp_in", "rtp_out", "rtcp_in", "rtcp_out"] {
            let config = json!({ "slow": { "hook": hook } });
            let mut bench = Build::of::<Slow>().workers(workers).config(config).start();
            let p = bench.audio_producer();
            // With two threads its packets come to it from the other one.
            let c = bench.consumer(p);
            assert_eq!(c.worker(), workers - 1);
            let bob = bench.peer_of_consumer(c);
            let transport = bench.transport(bob);
            for _ in 0..4 {
                bench.play(&[p], ms(100));
                if hook.starts_with("rtcp") {
                    // The peer reports, and its wish for a key frame is passed on.
                    bench.send_rtcp(bob, &packet(201, 0, &[1]));
                    bench.advance(ms(700));
                }
            }
            let at: &[Target] = match hook {
                "rtp_in" => &[p.into()],
                "rtp_out" => &[c.into()],
                "rtcp_in" => &[transport.into()],
                _ => &[transport.into(), bench.transport(bench.peer_of_producer(p)).into()],
            };
            let (target, text) = first_fault(&bench).unwrap_or_else(|| panic!("{workers}: `{hook}` unseen"));
            assert_eq!(text, format!("`{hook}` took 8 ms"), "{workers} workers");
            assert!(at.contains(&target), "{workers} workers, `{hook}`: {target:?}");
        }
    }
}

/// Guards what a consumer gets, and takes 8 ms over each packet of the first one.
#[derive(Default)]
struct SlowGuard {
    first: Option<ConsumerId>,
}

#[plugin(id = "slow", on_panic = "drop")]
impl Plugin for SlowGuard {
    type Consumer = bool;
    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<bool> {
        Attach::On(*self.first.get_or_insert(info.id) == info.id)
    }
    fn rtp_out(&mut self, slow: &mut bool, _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        if *slow {
            testing::spend(ms(8));
        }
        Verdict::Forward
    }
}

#[test]
fn the_tenth_time_a_hook_is_slow_over_an_entity_it_is_detached_from_that_one() {
    for workers in [1, 2] {
        let config = json!({ "slow": { "hook": "rtp_in" } });
        let mut bench = Build::of::<Slow>().workers(workers).config(config).start();
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        let steps =
            |bench: &Bench<_>| -> Vec<String> { bench.faults().into_iter().map(|(_, step)| step).collect() };
        bench.play(&[p], ms(600));
        let nine_and_one: Vec<&str> = ["slow"; 9].into_iter().chain(["detached"]).collect();
        assert_eq!(steps(&bench), nine_and_one);
        assert_eq!(bench.received(c).len(), 30, "media goes on");
        // For another it is on, and has ten of its own.
        let other = bench.audio_producer();
        bench.play(&[other], ms(600));
        assert_eq!(steps(&bench), nine_and_one.repeat(2));
        let faults = bench.worker_stats().plugin_faults["slow"];
        assert_eq!((faults.overruns, faults.detached, faults.quarantined), (20, 2, 0));
    }
}

#[test]
fn a_guard_that_is_too_slow_leaves_nothing_unguarded() {
    for workers in [1, 2] {
        let mut bench = Build::of::<SlowGuard>().workers(workers).start();
        let p = bench.audio_producer();
        let (c, other) = (bench.consumer(p), bench.consumer(p));
        bench.play(&[p], seconds(1));
        // One packet before turns were timed, and ten after.
        assert_eq!(bench.receiver(c).numbers(), (1..=11).collect::<Vec<_>>(), "{workers} workers");
        assert_eq!(bench.received(other).len(), 50);
    }
}

/// Makes packets out of nothing, every 20 ms.
#[derive(Default)]
struct Source {
    producer: Option<ProducerId>,
    consumer: Option<ConsumerId>,
}

#[plugin(id = "source", tick_ms = 20)]
impl Plugin for Source {
    fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        self.producer = Some(info.id);
        Attach::Off
    }
    fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        self.consumer = Some(info.id);
        Attach::Off
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        if let Some(id) = self.producer {
            let _ = cx.producer(id).inject_rtp(NewRtp::new(0, b"injected"));
        }
        if let Some(id) = self.consumer {
            let _ = cx.consumer(id).send_rtp(NewRtp::new(0, b"sent"));
        }
    }
}

#[test]
fn a_slow_hook_is_named_for_packets_that_a_plugin_made_too() {
    fn named<S: PluginSet>(workers: u8, hook: &str) {
        let config = json!({ "slow": { "hook": hook } });
        let mut bench = Build::<S>::new().workers(workers).config(config).start();
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        bench.advance(ms(200));
        let at = if hook == "rtp_in" { Target::from(p) } else { Target::from(c) };
        assert_eq!(first_fault(&bench), Some((at, format!("`{hook}` took 8 ms"))), "{workers} workers");
    }
    use sfu_core::plugin::{Cons, Nil};
    for workers in [1, 2] {
        // Incoming packets go down the list, outgoing ones up.
        named::<Cons<Source, Cons<Slow, Nil>>>(workers, "rtp_in");
        named::<Cons<Slow, Cons<Source, Nil>>>(workers, "rtp_out");
    }
}

#[test]
fn a_fast_hook_is_not_named() {
    let mut bench = Build::of::<Slow>().workers(2).config(json!({ "slow": {} })).start();
    let p = bench.audio_producer();
    let _ = bench.consumer(p);
    bench.play(&[p], seconds(2));
    assert_eq!((first_fault(&bench), Value::Null), (None, bench.stats("slow")));
}
