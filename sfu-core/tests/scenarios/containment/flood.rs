//! Plugins that ask for more than there is room for.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use sfu_core::plugin::{
    Attach, Cx, Error, NewRtp, Offload, Plugin, PluginHandle, ProducerId, ProducerInfo, Rows, RtpPacket,
    Start, Stats, Target, Verdict, config, plugin,
};
use sfu_core::testing::{self, Bench, Build, Conditions, Media, PeerOptions};

use crate::{ms, seconds};

/// What of it is flooded, over each packet of a producer labelled `flood`.
#[config]
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Flooded {
    /// Nothing.
    #[default]
    Nothing,
    /// Short packets into a producer labelled `drain`.
    Packets,
    /// Packets as long as there are.
    Bytes,
    /// Its own events.
    Events,
    /// Work for a thread of its own that does none of it.
    Offload,
    /// Messages to itself.
    Messages,
}

#[config]
#[derive(Debug, Clone, Copy, Default)]
struct FloodConfig {
    what: Flooded,
}

/// Asks for all that it can get.
struct Flood {
    what: Flooded,
    drain: Option<ProducerId>,
    offload: Offload<Vec<u8>>,
    handle: PluginHandle<Vec<u8>>,
    refused: u64,
    stop: Arc<AtomicBool>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[plugin(id = "flood")]
impl Plugin for Flood {
    type Config = FloodConfig;
    type Message = Vec<u8>;
    type Producer = ProducerId;
    fn new(config: FloodConfig, start: Start<'_, Self>) -> Result<Self, Error> {
        let stop = Arc::<AtomicBool>::default();
        let until = stop.clone();
        let offload = Offload::spawn("flood", 4, move |_| {
            while !until.load(Ordering::Relaxed) {
                std::thread::sleep(ms(1));
            }
        })?;
        Ok(Flood { what: config.what, drain: None, offload, handle: start.handle(), refused: 0, stop })
    }
    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<ProducerId> {
        if info.labels.get("drain").is_some() {
            self.drain = Some(info.id);
        }
        if info.labels.get("flood").is_some() { Attach::On(info.id) } else { Attach::Off }
    }
    fn rtp_in(&mut self, id: &mut ProducerId, _: &mut RtpPacket<'_>, _: &mut (), cx: &mut Cx<'_>) -> Verdict {
        let long = [0xaa; 1024];
        let Some(drain) = self.drain else { return Verdict::Forward };
        for n in 0..3000 {
            let payload = if self.what == Flooded::Bytes { &long[..] } else { &long[..4] };
            let full = match self.what {
                Flooded::Nothing => return Verdict::Forward,
                Flooded::Packets | Flooded::Bytes => {
                    cx.producer(drain).inject_rtp(NewRtp::new(n * 960, payload)).is_err()
                }
                Flooded::Events => {
                    cx.notify(*id, json!(n));
                    false
                }
                Flooded::Offload => self.offload.offer(payload.to_vec()).is_err(),
                Flooded::Messages => self.handle.send(payload.to_vec()).is_err(),
            };
            self.refused += u64::from(full);
        }
        Verdict::Forward
    }
    fn message(&mut self, _: Vec<u8>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("refused", self.refused);
    }
}

/// For each packet of `music` it puts one into `speech`, sends itself a message and offloads work; for each of the flooded one,
/// over which others flood, it puts one into `chorus`.
struct Bystander {
    speech: Option<ProducerId>,
    chorus: Option<ProducerId>,
    handle: PluginHandle<u32>,
    offload: Offload<u32>,
    refused: u64,
}

#[plugin(id = "bystander")]
impl Plugin for Bystander {
    type Message = u32;
    type Producer = bool;
    fn new(_: Self::Config, start: Start<'_, Self>) -> Result<Self, Error> {
        let handle: PluginHandle<u32> = start.handle();
        let offload = Offload::spawn("bystander", 64, |_| {})?;
        Ok(Bystander { speech: None, chorus: None, handle, offload, refused: 0 })
    }
    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<bool> {
        if info.labels.get("speech").is_some() {
            self.speech = Some(info.id);
        }
        if info.labels.get("chorus").is_some() {
            self.chorus = Some(info.id);
        }
        match ["music", "flood"].iter().any(|label| info.labels.get(label).is_some()) {
            true => Attach::On(info.labels.get("music").is_some()),
            false => Attach::Off,
        }
    }
    fn rtp_in(
        &mut self,
        music: &mut bool,
        packet: &mut RtpPacket<'_>,
        _: &mut (),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let to = if *music { self.speech } else { self.chorus };
        let (Some(to), Some(number)) = (to, packet.payload().last_chunk()) else { return Verdict::Forward };
        let made = cx.producer(to).inject_rtp(NewRtp::new(u32::from_be_bytes(*number) * 960, number));
        self.refused += u64::from(made.is_err());
        if *music {
            let number = u32::from_be_bytes(*number);
            self.refused += u64::from(self.handle.send(number).is_err());
            while self.offload.offer(number).is_err() {
                // It waits for its own thread alone.
                std::thread::yield_now();
            }
        }
        Verdict::Forward
    }
    fn message(&mut self, number: u32, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        cx.notify(Target::Worker, json!(number));
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("refused", self.refused);
    }
}

type Both<A, B> = Bench<sfu_core::plugin::Cons<A, sfu_core::plugin::Cons<B, sfu_core::plugin::Nil>>>;

/// So many rounds of packets that each arrive in one turn, one of the flooded producer's first.
fn crowd<A: Plugin, B: Plugin>(mut bench: Both<A, B>, text: &str) {
    let far = || PeerOptions::plain().to_worker(Conditions::delay(ms(5)));
    let produce = |bench: &mut Both<A, B>, label: &str| {
        let peer = bench.peer_with(far());
        let label = label.to_owned();
        bench
            .try_produce_with(peer, Media::opus(), move |options| {
                options.labels = sfu_core::control::Labels::new().with(&label, "yes");
            })
            .unwrap()
    };
    let flooded = produce(&mut bench, "flood");
    let drain = produce(&mut bench, "drain");
    let music = produce(&mut bench, "music");
    let speech = produce(&mut bench, "speech");
    let chorus = produce(&mut bench, "chorus");
    let quiet = produce(&mut bench, "quiet");
    let _drained = bench.consumer(drain);
    let heard = [music, speech, chorus, quiet].map(|p| bench.consumers(p, 2)).concat();
    for n in 1..=40 {
        for p in [flooded, music, quiet] {
            bench.send(p, testing::opus(n));
        }
        bench.advance(ms(20));
    }
    bench.advance(seconds(1));
    let all: Vec<u32> = (1..=40).collect();
    for c in heard {
        assert_eq!(bench.receiver(c).numbers(), all, "{text}");
        assert_eq!(bench.receiver(c).lost(), 0, "{text}");
    }
    assert_eq!(bench.stats("bystander")["refused"], 0, "{text}");
    assert_eq!(bench.notices("bystander"), all.iter().map(|n| json!(n)).collect::<Vec<_>>(), "{text}");
    let faults = bench.worker_stats().plugin_faults;
    assert_eq!(faults["bystander"], Default::default(), "{text}");
    assert_eq!((faults["flood"].panics, faults["flood"].overruns), (0, 0), "{text}");
    let refused = bench.stats("flood")["refused"].as_u64().unwrap() + faults["flood"].refused_commands;
    assert_eq!(refused > 20_000, !text.contains("nothing"), "{text}: {refused}");
}

#[test]
fn a_plugin_that_floods_its_commands_or_queues_costs_others_no_packet() {
    for workers in [1, 2] {
        for what in ["nothing", "packets", "bytes", "events", "offload", "messages"] {
            let config = json!({ "flood": { "what": what } });
            let text = format!("{workers} workers, {what}");
            crowd(testing::build!(Flood, Bystander).workers(workers).config(config.clone()).start(), &text);
            crowd(testing::build!(Bystander, Flood).workers(workers).config(config).start(), &text);
        }
    }
}

#[test]
fn what_a_plugin_makes_for_another_media_thread_leaves_room_for_what_others_send() {
    // All in one turn, so that the other thread takes nothing meanwhile.
    let config = json!({ "flood": { "what": "packets" } });
    let mut bench = Build::<sfu_core::plugin::Cons<Flood, sfu_core::plugin::Nil>>::new()
        .workers(2)
        .config(config)
        .start();
    let peer = bench.peer_with(PeerOptions::plain().to_worker(Conditions::delay(ms(5))));
    let [flooded, drain] = ["flood", "drain"].map(|label| {
        let labels = sfu_core::control::Labels::new().with(label, "yes");
        bench.try_produce_with(peer, Media::opus(), |options| options.labels = labels).unwrap()
    });
    let other = bench.produce(peer, Media::opus());
    let (own, heard) = (bench.consumer(drain), bench.consumer(other));
    bench.send(flooded, testing::opus(1));
    for n in 1..=100 {
        bench.send(other, testing::opus(n));
    }
    bench.advance(ms(100));
    assert_eq!(bench.receiver(heard).numbers(), (1..=100).collect::<Vec<_>>());
    // Half of the way is the most that it gets, and what did not get through leaves no gap.
    assert_eq!(bench.received(own).len(), 256);
    assert_eq!(bench.receiver(own).lost(), 0);
    assert_eq!(bench.counter("relay_lost"), 1024 - 256);
}
