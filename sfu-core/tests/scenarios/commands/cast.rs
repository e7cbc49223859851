//! A plugin that does what it is asked for, and one that answers and listens.
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sfu_core::control::{Command, ConsumerOptions, EventBody, Labels, Target};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Error, NewRtp, Plugin, ProducerId, ProducerInfo, Reply, Responder,
    Rows, RtcpPacket, RtpPacket, SessionPush, Start, Stats, TransportId, Verdict, plugin, request,
};
use sfu_core::testing::{Bench, Build};

use crate::ms;

#[request]
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Pause,
    Resume,
    Close,
    KeyFrame,
    Inject {
        number: u32,
        #[serde(default)]
        in_place_of: Option<u16>,
    },
    Send {
        number: u32,
    },
    Rtcp,
    Notify {
        text: String,
    },
    Push,
    Other,
    Control,
    ConsumeElsewhere {
        transport: TransportId,
        ssrc: u32,
    },
    Wake {
        ms: u64,
    },
    Background {
        text: String,
    },
    Later,
    Storm,
    SetLayers {
        spatial: u8,
    },
    SetPriority {
        priority: u8,
    },
    SetMaxOutgoing {
        bitrate: u32,
    },
    SetMaxIncoming {
        bitrate: u32,
    },
    Look,
    Jsep,
    Ack,
    Fail {
        code: u32,
    },
    /// Asks the echo through the control API.
    ControlEcho {
        say: String,
    },
}

/// Does what it is asked for.
pub(super) struct Actor {
    handle: sfu_core::plugin::PluginHandle<String>,
    heard: Vec<String>,
    pending: Option<Responder>,
    seen_in: u32,
    seen_out: u32,
    refused: u32,
}

#[plugin(id = "actor", on_panic = "forward", tick_ms = 3600000)]
impl Plugin for Actor {
    type Request = Ask;
    type Message = String;
    type Producer = ();
    type Consumer = ();
    type Transport = ();

    fn new(_: Self::Config, start: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Actor {
            handle: start.handle(),
            heard: Vec::new(),
            pending: None,
            seen_in: 0,
            seen_out: 0,
            refused: 0,
        })
    }
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn transport_opened(
        &mut self,
        _: &sfu_core::plugin::TransportInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        self.seen_in += 1;
        Verdict::Forward
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        self.seen_out += 1;
        Verdict::Forward
    }
    fn rtcp_out(&mut self, _: &mut (), packet: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        if packet.as_bytes().get(1) == Some(&204) {
            self.heard.push("its own rtcp".into());
        }
        Verdict::Forward
    }
    fn request(&mut self, ask: Ask, at: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match (ask, at) {
            (Ask::Pause, at) => cx.pause(at),
            (Ask::Resume, at) => cx.resume(at),
            (Ask::Close, at) => cx.close(at),
            (Ask::KeyFrame, at) => cx.request_key_frame(at),
            (Ask::Inject { number, in_place_of }, Target::Producer(id)) => {
                let payload = number.to_be_bytes();
                let packet = NewRtp::new(number * 960, &payload);
                let packet = match in_place_of {
                    Some(lost) => packet.in_place_of(lost),
                    None => packet,
                };
                let _ = cx.producer(id).inject_rtp(packet);
            }
            (Ask::Send { number }, Target::Consumer(id)) => {
                let _ = cx.consumer(id).send_rtp(NewRtp::new(number * 960, &number.to_be_bytes()));
            }
            (Ask::Rtcp, Target::Transport(id)) => {
                let _ = cx.transport(id).send_rtcp(&[0x80, 204, 0, 2, 1, 2, 3, 4, b't', b'e', b's', b't']);
            }
            (Ask::Notify { text }, at) => cx.notify(at, json!({ "text": text })),
            (Ask::Push, Target::Session(id)) => {
                cx.push(id, SessionPush { body: json!("hello"), transaction: Some("t1".into()), jsep: None })
            }
            (Ask::Other, at) => cx.ask("echo", at, json!({"say": "hi"}), 7),
            (Ask::Control, _) => cx.control(Command::CreateRouter { labels: Labels::new() }, 8),
            (Ask::ConsumeElsewhere { transport, ssrc }, Target::Producer(producer)) => {
                let Some(view) = cx.view().producer(producer) else { return };
                let mut rtp_parameters = view.rtp_parameters.clone();
                rtp_parameters.encodings[0].ssrc = Some(ssrc);
                rtp_parameters.encodings[0].rtx = None;
                let options = ConsumerOptions {
                    kind: Default::default(),
                    ..ConsumerOptions::new(producer, rtp_parameters)
                };
                cx.control(Command::Consume { transport, options }, 9);
            }
            (Ask::Wake { ms }, _) => cx.wake_at(cx.now() + Duration::from_millis(ms)),
            (Ask::Background { text }, _) => {
                let handle = self.handle.clone();
                self.handle.spawn(async move {
                    let _ = handle.send(text);
                });
            }
            (Ask::Later, _) => {
                self.pending = Some(re);
                return;
            }
            (Ask::Storm, Target::Consumer(id)) => {
                for number in 0..5000u32 {
                    let sent = cx.consumer(id).send_rtp(NewRtp::new(number, &number.to_be_bytes()));
                    self.refused += u32::from(sent.is_err());
                }
            }
            (Ask::SetLayers { spatial }, Target::Consumer(id)) => cx.set_layers(id, spatial, None),
            (Ask::SetPriority { priority }, Target::Consumer(id)) => cx.set_priority(id, priority),
            (Ask::SetMaxOutgoing { bitrate }, Target::Transport(id)) => {
                cx.set_max_outgoing_bitrate(id, bitrate)
            }
            (Ask::SetMaxIncoming { bitrate }, Target::Transport(id)) => {
                cx.set_max_incoming_bitrate(id, bitrate)
            }
            (Ask::Look, Target::Consumer(id)) => {
                let view = cx.view();
                let consumer = view.consumer(id).unwrap();
                let transport = view.transport(consumer.transport).unwrap();
                return re.ok(json!({
                    "priority": consumer.priority,
                    "incoming": transport.max_incoming_bitrate,
                    "outgoing": transport.max_outgoing_bitrate,
                }));
            }
            (Ask::Jsep, _) => {
                return re.ok_with_jsep(json!("joined"), json!({ "type": "offer", "sdp": "v=0" }));
            }
            (Ask::Ack, at) => {
                cx.notify(at, json!({ "event": "there it is" }));
                return re.ack(Some("soon"));
            }
            (Ask::Fail { code }, _) => return re.error(code, "plugins.actor: not today"),
            (Ask::ControlEcho { say }, target) => {
                let plugin = "echo".to_owned();
                cx.control(Command::PluginRequest { plugin, target, body: json!({ "say": say }) }, 10);
            }
            (other, at) => return re.error(400, format!("{other:?} at {at:?}")),
        }
        re.ok(json!("done"));
    }
    fn message(&mut self, text: String, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        if let Some(re) = self.pending.take() {
            re.ok(json!(text));
        }
        self.heard.push(format!("message {text}"));
    }
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        let text = match outcome {
            Ok(Reply::Json(body)) => body.to_string(),
            Ok(Reply::Router(_)) => "router".into(),
            Ok(Reply::Consumer(_)) => "consumer".into(),
            Err(error) if error.code().is_some() => format!("code {} {error}", error.code().unwrap()),
            other => format!("{other:?}"),
        };
        self.heard.push(format!("done {tag} {text}"));
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.heard.push("tick".into());
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("in", self.seen_in);
        out.put_sum("out", self.seen_out);
        out.put_sum("refused", self.refused);
        for heard in &self.heard {
            out.put_sum(heard.clone(), 1);
        }
    }
}

#[request]
#[derive(Debug)]
pub(super) struct Say {
    say: String,
}

/// Answers; hears what others tell.
#[derive(Default)]
pub(super) struct Echo {
    heard: Vec<String>,
    seen_in: u32,
    waits: Option<Responder>,
}

#[plugin(id = "echo")]
impl Plugin for Echo {
    type Request = Say;
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        self.seen_in += u32::from(packet.origin().is_some());
        Verdict::Forward
    }
    fn request(&mut self, ask: Say, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        match ask.say.as_str() {
            "wait" => self.waits = Some(re),
            "no" => re.error(426, "plugins.echo: no such word"),
            "answer" => {
                if let Some(waits) = self.waits.take() {
                    waits.ok("at last");
                }
                re.ok("answered");
            }
            say => re.ok(format!("{say}!")),
        }
    }
    async fn serve(_: &Arc<()>, ask: Say, re: Responder) {
        re.ok(json!(format!("{} from afar", ask.say)));
    }
    fn event(&mut self, event: &sfu_core::plugin::Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        if let EventBody::Plugin { plugin, body } = &event.body {
            self.heard.push(format!("{plugin} {body}"));
        }
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("injected", self.seen_in);
        for heard in &self.heard {
            out.put_sum(heard.clone(), 1);
        }
    }
}

pub(super) type Cast = sfu_core::plugin::Cons<Actor, sfu_core::plugin::Cons<Echo, sfu_core::plugin::Nil>>;

pub(super) fn stage(workers: u8) -> (Bench<Cast>, ProducerId, ConsumerId) {
    let mut bench = Build::<Cast>::new().workers(workers).start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], ms(500));
    (bench, p, c)
}

pub(super) fn ask(bench: &mut Bench<Cast>, at: impl Into<Target>, body: serde_json::Value) {
    assert_eq!(bench.request("actor", at, body), Ok(json!("done")));
}
