//! The test kit itself: a worker in virtual time with peers around it.
use std::time::Duration;

use sfu_core::plugin::{
    Attach, ConsumerInfo, Cx, Error, NoConfig, Plugin, PluginHandle, ProducerInfo, Responder, Rows,
    RtpPacket, Start, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json;
use sfu_core::testing::{self, Bench, Build, Conditions, Media, PeerOptions};

#[derive(Default)]
struct Count {
    packets: u64,
}

#[plugin(id = "count")]
impl Plugin for Count {
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut Self::Note, _: &mut Cx<'_>) -> Verdict {
        self.packets += 1;
        Verdict::Forward
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("packets", self.packets);
    }
}

#[derive(Default)]
struct Mute;

#[plugin(id = "mute", on_panic = "forward")]
impl Plugin for Mute {
    type Consumer = ();
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &Self::Note, _: &mut Cx<'_>) -> Verdict {
        Verdict::Drop
    }
}

#[test]
fn a_plugin_is_tested_in_five_lines() {
    let mut bench = Bench::of::<Count>();
    let p = bench.audio_producer();
    let c = bench.consumers(p, 3);
    bench.send(p, testing::opus(1));
    assert_eq!(bench.received(c[0]).len(), 1);
    assert_eq!(bench.stats("count")["packets"], 1);
}

#[test]
fn two_plugins_and_two_workers_behave_as_one() {
    let mut bench = testing::build!(Count, Mute).workers(2).start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    bench.send(p, testing::opus(1));
    assert_eq!(bench.received(c).len(), 0);
    assert_eq!(bench.stats("count")["packets"], 1);
    bench.disable("mute", c).unwrap();
    bench.send(p, testing::opus(2));
    assert_eq!(bench.receiver(c).numbers(), [2]);
    assert_eq!(c.worker(), 1);
}

/// Answers requests on a media thread, though they are taken off it.
struct Detour;

#[derive(Default)]
struct Way(std::sync::Mutex<Option<PluginHandle<Responder>>>);

#[plugin(id = "detour")]
impl Plugin for Detour {
    type Request = NoConfig;
    type Message = Responder;
    type Shared = Way;
    fn new(_: NoConfig, start: Start<'_, Self>) -> Result<Self, Error> {
        *start.shared().0.lock().unwrap() = Some(start.handle());
        Ok(Detour)
    }
    async fn serve(shared: &std::sync::Arc<Way>, _: NoConfig, re: Responder) {
        let handle = shared.0.lock().unwrap().clone().unwrap();
        handle.send(re).unwrap();
    }
    fn message(&mut self, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        re.ok(cx.worker());
    }
}

#[test]
fn a_request_without_a_target_may_need_a_media_thread() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Detour>().workers(workers).start();
        let answer = bench.request("detour", Target::Worker, serde_json::json!({}));
        assert_eq!(answer.unwrap(), workers - 1);
    }
}

#[test]
fn counters_are_shown_of_each_media_thread_and_summed() {
    let mut bench = Build::of::<Count>().workers(2).start();
    let p = bench.audio_producer();
    let _listener = bench.consumer(p);
    bench.play(&[p], Duration::from_secs(1));
    let stats = bench.worker_stats();
    let of = |worker: u8, name: &str| stats.counters_by_worker[&worker][name];
    assert_eq!(stats.counters_by_worker.len(), 2);
    for (name, sum) in &stats.counters {
        assert_eq!(of(0, name) + of(1, name), *sum, "{name}");
    }
    assert_eq!((of(0, "rtp_authenticated"), of(1, "rtp_authenticated")), (50, 0));
    assert!(bench.worker_stats_of(p).counters_by_worker.is_empty());
}

#[test]
fn a_packet_takes_one_turn_on_each_media_thread_that_it_meets() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Count>().workers(workers).start();
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        bench.advance(Duration::from_millis(100));
        let before = bench.turns();
        bench.send(p, testing::opus(1));
        assert_eq!((bench.turns() - before, bench.received(c).len()), (u64::from(workers), 1));
        bench.advance(Duration::ZERO);
        assert_eq!(bench.turns() - before, u64::from(workers), "nothing to do, no turn");
    }
}

#[test]
fn browsers_call_each_other() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Count>().workers(workers).start();
        let path = Conditions::delay(Duration::from_millis(20));
        let ann = bench.peer_with(PeerOptions::webrtc().path(path));
        let bob = bench.peer_with(PeerOptions::webrtc().path(path).worker(workers - 1).dtls_server());
        let (audio, video) = (bench.produce(ann, Media::opus()), bench.produce(ann, Media::vp8()));
        let (heard, seen) = (bench.consume(bob, audio), bench.consume(bob, video));
        bench.play(&[audio, video], Duration::from_secs(2));
        bench.advance(Duration::from_millis(200));
        assert_eq!(bench.received(heard).len(), 100);
        assert_eq!(bench.receiver(heard).lost(), 0);
        assert_eq!(bench.receiver(seen).lost(), 0);
        assert!(bench.received(seen).len() >= 170, "{}", bench.received(seen).len());
        assert_eq!(bench.misfits(bob), 0);
        assert!(bench.faults().is_empty());
    }
}

#[test]
fn the_kit_runs_the_same_every_time() {
    let run = || {
        let mut bench = Build::of::<Count>().workers(2).seed(7).start();
        let lossy = Conditions::delay(Duration::from_millis(15)).loss(0.1).reorder(0.05).duplicate(0.02);
        let peer = bench.peer_with(PeerOptions::plain().path(lossy));
        let p = bench.produce(peer, Media::vp8());
        let viewer = bench.peer_with(PeerOptions::plain().path(lossy).worker(1));
        let c = bench.consume(viewer, p);
        bench.play(&[p], Duration::from_secs(3));
        bench.advance(Duration::from_secs(1));
        let start = bench.received(c)[0].at;
        let seen: Vec<_> =
            bench.received(c).iter().map(|r| (r.sequence, r.at.duration_since(start), r.by_rtx)).collect();
        (seen, bench.sender(p).nacked.clone())
    };
    let (first, second) = (run(), run());
    assert!(first.0.len() > 200);
    assert_eq!(first, second);
}

#[test]
fn plugins_conform() {
    testing::conformance::<Count>();
    testing::conformance::<Mute>();
}
