//! A plugin that uses the control API.
use serde_json::{Value, json};
use sfu_core::control::{Command, ConsumerOptions, EventBody, Labels, Target};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Error, Plugin, ProducerInfo, Reply, Responder, Rows, Stats,
    TransportId, plugin, request,
};
use sfu_core::testing::{Build, Media, PeerOptions};

use crate::{ms, seconds};

/// Limits every sender of video, closes the third consumer of a producer, and makes consumers.
#[derive(Default)]
struct Warden {
    answers: Vec<String>,
    waiting: Option<Responder>,
}

#[request]
#[derive(Debug)]
enum Ask {
    /// Let a transport receive a producer under an SSRC.
    Show { transport: TransportId, ssrc: u32 },
    /// The figures of the core.
    Figures,
}

const LIMIT: u64 = 1;
const CLOSE: u64 = 2;
const SHOW: u64 = 3;
const FIGURES: u64 = 4;

#[plugin(id = "warden")]
impl Plugin for Warden {
    type Request = Ask;
    fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &Self::Options, cx: &mut Cx<'_>) -> Attach<()> {
        let transport = info.transport;
        cx.control(Command::SetMaxIncomingBitrate { transport, bitrate: 250_000 }, LIMIT);
        Attach::Off
    }
    fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &Self::Options, cx: &mut Cx<'_>) -> Attach<()> {
        // Those of this media thread, but for its own.
        if info.labels.get("by").is_none() && cx.view().below::<ConsumerId>(info.producer).len() > 2 {
            cx.control(Command::CloseConsumer(info.id), CLOSE);
        }
        Attach::Off
    }
    fn request(&mut self, ask: Ask, at: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match (ask, at) {
            (Ask::Show { transport, ssrc }, Target::Producer(producer)) => {
                let mut parameters = cx.view().producer(producer).unwrap().rtp_parameters.clone();
                parameters.encodings[0].ssrc = Some(ssrc);
                parameters.encodings[0].rtx = None;
                let options = ConsumerOptions {
                    labels: Labels::new().with("by", "warden"),
                    ..ConsumerOptions::new(producer, parameters)
                };
                cx.control(Command::Consume { transport, options }, SHOW);
            }
            (Ask::Figures, at) => cx.control(Command::Stats(at), FIGURES),
            _ => return re.error(400, "about a producer"),
        }
        self.waiting = Some(re);
    }
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        match (tag, outcome) {
            (SHOW, Ok(Reply::Consumer(id))) => {
                if let Some(re) = self.waiting.take() {
                    re.ok(id);
                }
            }
            (FIGURES, Ok(Reply::Stats(stats))) => {
                if let Some(re) = self.waiting.take() {
                    re.ok(stats.producers[0].streams[0].packets);
                }
            }
            (_, Err(error)) => match self.waiting.take() {
                Some(re) => re.error(409, error.to_string()),
                None => self.answers.push(format!("{tag} failed")),
            },
            (LIMIT | CLOSE, Ok(Reply::Done)) => self.answers.push(format!("{tag} done")),
            other => panic!("{other:?}"),
        }
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        for answer in &self.answers {
            out.put_sum(answer.clone(), 1);
        }
    }
}

#[test]
fn a_plugin_creates_closes_limits_and_looks_by_the_control_api() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Warden>().workers(workers).start();
        let last = workers - 1;
        let ann = bench.peer_with(PeerOptions::plain().worker(last));
        let p = bench.produce(ann, Media::vp8());
        let limits = bench.stats("warden")["1 done"].clone();
        assert_eq!(limits, 1);
        // All on the producer's own thread.
        let consumers: Vec<ConsumerId> = bench.consumers(p, 3);
        let gone = |body: &EventBody| matches!(body, EventBody::Closed(_));
        let closed: Vec<bool> = consumers.iter().map(|c| bench.events_of(*c).iter().any(gone)).collect();
        assert_eq!(closed, [false, false, true], "{workers} workers");
        assert_eq!(bench.stats("warden")["2 done"], 1);
        bench.play(&[p], seconds(2));
        let received: Vec<bool> = consumers.iter().map(|c| bench.received(*c).len() > 100).collect();
        assert_eq!(received, [true, true, false]);
        assert!(bench.sender(p).rembs.last().is_some_and(|told| (245_000..=250_000).contains(told)));
        let figures = bench.request("warden", p, json!({ "method": "figures" })).unwrap();
        assert_eq!(figures, bench.producer_stats(p).streams[0].packets);
        // A consumer on another media thread, and one that can't be.
        let bob = bench.peer_with(PeerOptions::plain());
        let show = |transport: TransportId| json!({ "method": "show", "transport": transport, "ssrc": 77 });
        let transport = bench.transport(bob);
        let made = bench.request("warden", p, show(transport)).unwrap();
        let made: ConsumerId = serde_json::from_value(made).unwrap();
        assert_eq!(made.worker(), 0);
        let opened = |body: &EventBody| matches!(body, EventBody::Opened { labels } if labels.get("by") == Some("warden"));
        assert!(bench.events_of(made).iter().any(opened));
        bench.play(&[p], ms(500));
        assert!(bench.consumer_stats(made).stream.packets > 30);
        let error = bench.request("warden", p, show(transport)).unwrap_err();
        assert_eq!(error.code(), Some(409), "{error}");
        assert_eq!(bench.stats("warden").get("1 failed"), None::<&Value>);
    }
}
