//! On and off.
use serde_json::json;
use sfu_core::control::{Labels, Target};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Plugin, ProducerId, ProducerInfo, Refusal, Rows, RtpPacket,
    SessionId, SessionInfo, Stats, TransportId, TransportInfo, Verdict, plugin,
};
use sfu_core::testing::{self, Build, Media, PeerOptions};

use crate::ms;

/// Writes down what it was told.
#[derive(Default)]
struct Diary {
    lines: Vec<String>,
    packets: u32,
}

impl Diary {
    fn note(&mut self, what: &str, late: bool) {
        self.lines.push(format!("{what}{}", if late { " late" } else { "" }));
    }
}

#[plugin(id = "diary", off, on_panic = "forward")]
impl Plugin for Diary {
    type Session = ();
    type Transport = ();
    type Producer = ();
    type Consumer = ();
    type Request = serde_json::Value;
    fn session_opened(&mut self, info: &SessionInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        self.note("session", info.late());
        Attach::On(())
    }
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        self.note("transport", info.late());
        Attach::On(())
    }
    fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        self.note(&format!("producer of {}", info.labels.get("user").unwrap_or("?")), info.late());
        Attach::On(())
    }
    fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        self.note("consumer", info.late());
        Attach::On(())
    }
    fn session_closed(&mut self, _: SessionId, (): (), _: &mut Cx<'_>) {
        self.note("session closed", false);
    }
    fn transport_closed(&mut self, _: TransportId, (): (), _: &mut Cx<'_>) {
        self.note("transport closed", false);
    }
    fn producer_closed(&mut self, _: ProducerId, (): (), _: &mut Cx<'_>) {
        self.note("producer closed", false);
    }
    fn consumer_closed(&mut self, _: ConsumerId, (): (), _: &mut Cx<'_>) {
        self.note("consumer closed", false);
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        self.packets += 1;
        Verdict::Forward
    }
    fn request(
        &mut self,
        _: serde_json::Value,
        _: Target,
        re: sfu_core::plugin::Responder,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        re.ok(std::mem::take(&mut self.lines));
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("packets", self.packets);
    }
}

#[test]
fn what_is_there_already_comes_late_and_parents_first() {
    let mut bench = Build::of::<Diary>().start();
    let ann = bench.peer_with(PeerOptions::plain().labels(Labels::new().with("user", "ann")));
    let p = bench.produce(ann, Media::opus());
    let c = bench.consume(ann, p);
    bench.send(p, testing::opus(1));
    let (session, transport) = (bench.session(ann), bench.transport(ann));
    assert_eq!(bench.request("diary", transport, json!({})).unwrap(), json!([]));
    bench.enable("diary", session, json!({})).unwrap();
    let told = bench.request("diary", transport, json!({})).unwrap();
    assert_eq!(told, json!(["session late", "transport late", "producer of ann late", "consumer late"]));
    bench.send(p, testing::opus(2));
    assert_eq!(bench.stats("diary")["packets"], 1);
    // What comes now is not late.
    bench.produce(ann, Media::opus());
    assert_eq!(bench.request("diary", transport, json!({})).unwrap(), json!(["producer of ann"]));
    // Off: children first.
    bench.disable("diary", transport).unwrap();
    let told = bench.request("diary", transport, json!({})).unwrap();
    assert_eq!(told, json!(["consumer closed", "producer closed", "producer closed", "transport closed"]));
    bench.send(p, testing::opus(3));
    assert_eq!(bench.stats("diary")["packets"], 1);
    assert_eq!(bench.received(c).len(), 3);
}

#[test]
fn the_nearest_setting_wins() {
    for workers in [1, 2] {
        let mut bench =
            Build::of::<Diary>().workers(workers).config(json!({"diary": {"enabled": true}})).start();
        let p = bench.audio_producer();
        let (a, b) = (bench.consumer(p), bench.consumer(p));
        let peer = bench.peer_of_consumer(a);
        let transport = bench.transport(peer);
        bench.disable("diary", transport).unwrap();
        bench.send(p, testing::opus(1));
        assert_eq!(bench.stats("diary")["packets"], 1, "only {b}");
        bench.enable("diary", a, json!({})).unwrap();
        bench.send(p, testing::opus(2));
        assert_eq!(bench.stats("diary")["packets"], 3, "the consumer is nearer than its transport");
        bench.disable("diary", Target::Worker).unwrap();
        bench.send(p, testing::opus(3));
        assert_eq!(bench.stats("diary")["packets"], 4, "{a} was set by itself");
    }
}

/// Lets in only who is labelled so.
#[derive(Default)]
struct Door;

#[plugin(id = "door")]
impl Plugin for Door {
    type Session = ();
    type Transport = ();
    type Producer = ();
    type Consumer = ();
    fn session_opened(&mut self, info: &SessionInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        refuse(info.labels, "session")
    }
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        refuse(info.labels, "transport")
    }
    fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        refuse(info.labels, "producer")
    }
    fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        refuse(info.labels, "consumer")
    }
}

fn refuse(labels: &Labels, kind: &str) -> Attach<()> {
    match labels.get("refuse") {
        Some(refused) if refused == kind => {
            Attach::Refuse(Refusal::new(format!("no {kind} today")).with_code(461))
        }
        _ => Attach::On(()),
    }
}

#[test]
fn a_refusal_is_an_error_of_the_command_and_leaves_nothing() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Door>().workers(workers).start();
        let p = bench.audio_producer();
        bench.consumer(p);
        for speech in [PeerOptions::plain(), PeerOptions::webrtc()] {
            for kind in ["session", "transport", "producer", "consumer"] {
                let before = counts(&mut bench);
                let options = speech.clone().worker(workers - 1).labels(Labels::new().with("refuse", kind));
                let error = match bench.try_peer(options) {
                    Err(error) => error,
                    Ok(peer) => {
                        let error = match kind {
                            "producer" => bench.try_produce(peer, Media::vp8()).unwrap_err(),
                            _ => bench.try_consume(peer, p).unwrap_err(),
                        };
                        let session = bench.session(peer);
                        bench.close(session);
                        error
                    }
                };
                assert!(error.to_string().contains(&format!("no {kind} today")), "{error}");
                let class = (error.kind, error.code());
                assert_eq!(class, (sfu_core::control::ErrorKind::Refused, Some(461)), "{error:?}");
                assert_eq!(counts(&mut bench), before, "{kind}");
            }
        }
        bench.send(p, testing::opus(1));
        bench.advance(ms(10));
        assert!(bench.faults().is_empty());
    }
}

fn counts<S: sfu_core::plugin::PluginSet>(bench: &mut sfu_core::testing::Bench<S>) -> [u64; 5] {
    ["sessions", "routers", "transports", "producers", "consumers"].map(|name| bench.counter(name))
}
