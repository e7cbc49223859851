//! What plugins can ask for.
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sfu_core::control::{Command, ConsumerOptions, ControlError, ErrorKind, EventBody, Labels, Target};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Error, NewRtp, Plugin, ProducerId, ProducerInfo, Reply, Responder,
    Rows, RtcpPacket, RtpPacket, SessionPush, Start, Stats, TransportId, Verdict, plugin, request,
};
use sfu_core::testing::{Bench, Build, Media, opus};

use crate::{ms, seconds};

#[request]
#[derive(Debug, Clone)]
enum Ask {
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
struct Actor {
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
struct Say {
    say: String,
}

/// Answers; hears what others tell.
#[derive(Default)]
struct Echo {
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

type Cast = sfu_core::plugin::Cons<Actor, sfu_core::plugin::Cons<Echo, sfu_core::plugin::Nil>>;

fn stage(workers: u8) -> (Bench<Cast>, ProducerId, ConsumerId) {
    let mut bench = Build::<Cast>::new().workers(workers).start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], ms(500));
    (bench, p, c)
}

fn ask(bench: &mut Bench<Cast>, at: impl Into<Target>, body: serde_json::Value) {
    assert_eq!(bench.request("actor", at, body), Ok(json!("done")));
}

#[test]
fn pause_resume_close_and_key_frames() {
    for workers in [1, 2] {
        let (mut bench, p, c) = stage(workers);
        ask(&mut bench, c, json!({"method": "pause"}));
        bench.take_received(c);
        bench.play(&[p], ms(200));
        assert!(bench.received(c).is_empty());
        ask(&mut bench, c, json!({"method": "resume"}));
        bench.play(&[p], ms(200));
        assert!(!bench.received(c).is_empty());
        assert_eq!(bench.receiver(c).lost(), 0);
        let plis = bench.sender(p).plis;
        ask(&mut bench, c, json!({"method": "key_frame"}));
        assert_eq!(bench.sender(p).plis, plis + 1);
        bench.play(&[p], ms(200));
        ask(&mut bench, p, json!({"method": "key_frame"}));
        assert_eq!(bench.sender(p).plis, plis + 2);
        ask(&mut bench, p, json!({"method": "close"}));
        assert!(bench.events_of(c).iter().any(|body| matches!(body, EventBody::Closed(_))));
        assert_eq!(bench.counter("plugin_commands_void"), 0);
        // On what is gone they do nothing and are counted.
        let commands = [
            (Target::from(p), json!({"method": "pause"})),
            (p.into(), json!({"method": "resume"})),
            (p.into(), json!({"method": "close"})),
            (p.into(), json!({"method": "key_frame"})),
            (p.into(), json!({"method": "inject", "number": 1})),
            (c.into(), json!({"method": "pause"})),
            (c.into(), json!({"method": "send", "number": 1})),
            (c.into(), json!({"method": "set_layers", "spatial": 0})),
            (c.into(), json!({"method": "set_priority", "priority": 2})),
        ];
        for (done, (target, command)) in commands.into_iter().enumerate() {
            ask(&mut bench, target, command.clone());
            assert_eq!(bench.counter("plugin_commands_void"), done as u64 + 1, "{command}");
        }
        let peer = bench.peer_of_consumer(c);
        let transport = bench.transport(peer);
        bench.close(transport);
        for command in [json!({"method": "rtcp"}), json!({"method": "set_max_outgoing", "bitrate": 1})] {
            let before = bench.counter("plugin_commands_void");
            ask(&mut bench, transport, command.clone());
            assert_eq!(bench.counter("plugin_commands_void"), before + 1, "{command}");
        }
        assert!(bench.faults().is_empty());
    }
}

#[test]
fn layers_priority_and_bitrates_take_effect() {
    for workers in [1, 2] {
        let mut bench = Build::<Cast>::new().workers(workers).start();
        let ann = bench.peer();
        let p = bench.produce(ann, Media::vp8().mid("v").simulcast(&["l", "h"]));
        let c = bench.consumer(p);
        let bob = bench.peer_of_consumer(c);
        bench.play(&[p], seconds(1));
        for spatial in [0, 1] {
            ask(&mut bench, c, json!({"method": "set_layers", "spatial": spatial}));
            bench.play(&[p], seconds(1));
            assert_eq!(bench.consumer_stats(c).stream.encoding, spatial, "{workers} workers");
            assert_eq!(bench.receiver(c).lost(), 0);
        }
        let look = |bench: &mut Bench<Cast>| bench.request("actor", c, json!({"method": "look"})).unwrap();
        assert_eq!(look(&mut bench), json!({ "priority": 1, "incoming": 0, "outgoing": 0 }));
        let transport = bench.transport(bob);
        ask(&mut bench, c, json!({"method": "set_priority", "priority": 200}));
        ask(&mut bench, transport, json!({"method": "set_max_outgoing", "bitrate": 700_000}));
        ask(&mut bench, transport, json!({"method": "set_max_incoming", "bitrate": 90_000}));
        assert_eq!(look(&mut bench), json!({ "priority": 200, "incoming": 90_000, "outgoing": 700_000 }));
        // The sender is told its limit.
        let transport = bench.transport(ann);
        ask(&mut bench, transport, json!({"method": "set_max_incoming", "bitrate": 300_000}));
        bench.play(&[p], seconds(2));
        assert_eq!(bench.transport_stats(ann).available_incoming_bitrate, Some(300_000));
        assert!(bench.sender(p).rembs.last().is_some_and(|told| (295_000..=300_000).contains(told)));
        // What makes no sense is void.
        assert_eq!(bench.counter("plugin_commands_void"), 0);
        ask(&mut bench, c, json!({"method": "set_priority", "priority": 0}));
        assert_eq!(bench.counter("plugin_commands_void"), 1);
        assert_eq!(look(&mut bench)["priority"], 200);
    }
}

#[test]
fn an_answer_has_four_forms() {
    for workers in [1, 2] {
        let (mut bench, _, c) = stage(workers);
        ask(&mut bench, c, json!({"method": "pause"}));
        assert_eq!(
            bench.request("actor", c, json!({"method": "jsep"})),
            Ok(json!({ "result": "joined", "jsep": { "type": "offer", "sdp": "v=0" } }))
        );
        assert!(bench.notices("actor").is_empty());
        assert_eq!(
            bench.request("actor", c, json!({"method": "ack"})),
            Ok(json!({ "ack": true, "hint": "soon" }))
        );
        assert_eq!(bench.notices("actor"), [json!({ "event": "there it is" })], "an event follows");
        for code in [426, 7, u32::MAX] {
            let error = bench.request("actor", c, json!({"method": "fail", "code": code})).unwrap_err();
            assert_eq!(error, ControlError::plugin(code, "plugins.actor: not today"));
            assert_eq!((error.kind, error.code()), (ErrorKind::Plugin(code), Some(code)));
        }
        let error = bench.request("actor", c, json!({"method": "dance"})).unwrap_err();
        assert_eq!(error.code(), Some(sfu_core::plugin::CODE_MALFORMED), "{error}");
        let everywhere = bench.request("actor", Target::Worker, json!({"method": "fail", "code": 9}));
        assert_eq!(everywhere.unwrap_err().code(), Some(9));
    }
}

#[test]
fn what_a_plugin_asks_by_a_command_may_be_answered_later() {
    for workers in [1, 2] {
        let (mut bench, p, c) = stage(workers);
        // `c` is on the last media thread: with two of them, the request to it crosses over.
        for target in [Target::from(p), c.into()] {
            ask(&mut bench, target, json!({"method": "control_echo", "say": "hi"}));
        }
        assert_eq!(bench.stats("actor")[r#"done 10 "hi!""#], if workers == 1 { 1 } else { 2 });
        ask(&mut bench, p, json!({"method": "control_echo", "say": "wait"}));
        bench.advance(ms(100));
        let heard = |bench: &mut Bench<Cast>| {
            bench.stats("actor").as_object().unwrap().keys().filter(|key| key.starts_with("done 10")).count()
        };
        assert_eq!(heard(&mut bench), 1, "there is no answer yet: {}", bench.stats("actor"));
        bench.request("echo", p, json!({"say": "answer"})).unwrap();
        assert_eq!(bench.stats("actor")[r#"done 10 "at last""#], 1);
        // Errors come with their code.
        ask(&mut bench, p, json!({"method": "control_echo", "say": "no"}));
        assert_eq!(bench.stats("actor")["done 10 code 426 plugins.echo: no such word"], 1);
    }
}

#[test]
fn what_is_sent_to_one_consumer_takes_the_next_number() {
    for workers in [1, 2] {
        let mut bench = Build::<Cast>::new().workers(workers).start();
        let p = bench.audio_producer();
        let (c, other) = (bench.consumer(p), bench.consumer(p));
        bench.play(&[p], ms(100));
        ask(&mut bench, c, json!({"method": "send", "number": 1000}));
        bench.play(&[p], ms(100));
        assert_eq!(bench.receiver(c).numbers(), [1, 2, 3, 4, 5, 1000, 6, 7, 8, 9, 10]);
        assert_eq!(bench.receiver(other).numbers(), (1..=10).collect::<Vec<_>>());
        assert_eq!(bench.receiver(c).lost(), 0);
        assert_eq!(bench.stats("actor")["out"], 20, "its own packet does not come back to it");
    }
}

#[test]
fn what_is_injected_reaches_all_consumers_and_the_plugins_below() {
    for workers in [1, 2] {
        let mut bench = Build::<Cast>::new().workers(workers).start();
        let p = bench.audio_producer();
        let listeners = bench.consumers(p, 3);
        for number in [10, 11, 12] {
            ask(&mut bench, p, json!({"method": "inject", "number": number}));
        }
        for c in listeners {
            assert_eq!(bench.receiver(c).numbers(), [10, 11, 12]);
            assert_eq!(bench.receiver(c).lost(), 0);
        }
        assert_eq!(bench.stats("actor")["in"], 0);
        assert_eq!(bench.stats("echo")["injected"], 3);
    }
}

#[test]
fn what_is_injected_in_place_of_a_lost_packet_comes_late_and_once() {
    for workers in [1, 2] {
        let mut bench = Build::<Cast>::new().workers(workers).start();
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        bench.sender_mut(p).answers = false;
        let first = bench.sender(p).next_sequence(0);
        let lost = first.wrapping_add(3);
        for n in [1, 2, 4, 5] {
            bench.send(p, opus(n).sequence(first.wrapping_add(n as u16)));
        }
        let restore =
            |number: u32, lost: u16| json!({"method": "inject", "number": number, "in_place_of": lost});
        ask(&mut bench, p, restore(3, lost));
        assert_eq!(bench.counter("plugin_commands_void"), 0);
        // It is there already, it is the newest one, it is yet to come.
        for (done, there) in [3, 5, 6].into_iter().enumerate() {
            ask(&mut bench, p, restore(there, first.wrapping_add(there as u16)));
            assert_eq!(bench.counter("plugin_commands_void"), done as u64 + 1);
        }
        bench.send(p, opus(3).sequence(lost));
        bench.send(p, opus(6).sequence(first.wrapping_add(6)));
        let received = bench.received(c);
        let numbers: Vec<u32> = received.iter().map(|packet| packet.number()).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 3, 6], "{workers} media threads");
        assert_eq!(received[4].sequence, received[1].sequence.wrapping_add(1), "in its place");
        assert_eq!(bench.receiver(c).lost(), 0);
        let asked = bench.sender(p).nacked.len();
        bench.advance(seconds(2));
        assert_eq!(bench.sender(p).nacked.len(), asked, "nobody asks for it any more");
        let stream = bench.producer_stats(p).streams[0].clone();
        assert_eq!((stream.packets_repaired, stream.packets_lost), (1, 0));
    }
}

#[test]
fn rtcp_of_a_plugin_leaves_and_passes_only_those_below() {
    let (mut bench, _, c) = stage(1);
    let peer = bench.peer_of_consumer(c);
    let transport = bench.transport(peer);
    ask(&mut bench, transport, json!({"method": "rtcp"}));
    let own = [0x80, 204, 0, 2, 1, 2, 3, 4, b't', b'e', b's', b't'];
    assert!(bench.rtcp(peer).iter().any(|packet| packet[..] == own));
    assert!(bench.stats("actor").get("its own rtcp").is_none());
}

#[test]
fn events_and_pushes_reach_those_who_listen() {
    let (mut bench, p, c) = stage(2);
    ask(&mut bench, p, json!({"method": "notify", "text": "look"}));
    assert_eq!(bench.notices("actor"), [json!({"text": "look"})]);
    assert_eq!(bench.stats("echo")[r#"actor {"text":"look"}"#], 1);
    let peer = bench.peer_of_consumer(c);
    let session = bench.session(peer);
    ask(&mut bench, session, json!({"method": "push"}));
    let pushed = bench.events_of(session).into_iter().any(|body| {
        matches!(body, EventBody::SessionPush { plugin, body, transaction, .. }
            if plugin == "actor" && body == json!("hello") && transaction.as_deref() == Some("t1"))
    });
    assert!(pushed);
}

#[test]
fn a_plugin_asks_another_and_the_control_api() {
    for workers in [1, 2] {
        let (mut bench, p, c) = stage(workers);
        ask(&mut bench, p, json!({"method": "other"}));
        assert_eq!(bench.stats("actor")[r#"done 7 "hi!""#], 1);
        ask(&mut bench, c, json!({"method": "other"}));
        assert_eq!(bench.stats("actor")[r#"done 7 "hi!""#], if workers == 1 { 1 } else { 2 });
        ask(&mut bench, p, json!({"method": "control"}));
        assert_eq!(bench.stats("actor")["done 8 router"], 1);
        let routers = bench.counter("routers");
        assert_eq!(routers, u64::from(workers) + 1);
        let peer = bench.peer_of_consumer(c);
        let transport = bench.transport(peer);
        ask(&mut bench, p, json!({"method": "consume_elsewhere", "transport": transport, "ssrc": 77}));
        assert_eq!(bench.stats("actor")["done 9 consumer"], 1, "{}", bench.stats("actor"));
        // A second one of the same SSRC fails, and the plugin is told.
        ask(&mut bench, p, json!({"method": "consume_elsewhere", "transport": transport, "ssrc": 77}));
        let told = bench.stats("actor").as_object().unwrap().keys().any(|key| key.starts_with("done 9 Err"));
        assert!(told, "{}", bench.stats("actor"));
    }
}

#[test]
fn requests_without_target_are_served_once_or_answered_by_all() {
    let mut bench = Build::<Cast>::new().workers(3).start();
    assert_eq!(bench.request("echo", Target::Worker, json!({"say": "hi"})), Ok(json!("hi from afar")));
    let p = bench.audio_producer();
    assert_eq!(bench.request("echo", p, json!({"say": "hi"})), Ok(json!("hi!")));
    let all = bench.request("actor", Target::Worker, json!({"method": "wake", "ms": 5})).unwrap();
    assert_eq!(all, json!(["done", "done", "done"]));
    assert!(bench.request("nobody", Target::Worker, json!({})).is_err());
    assert!(bench.request("echo", p, json!({"say": "hi", "more": 1})).is_err());
}

#[test]
fn wake_at_wakes_in_virtual_time() {
    let (mut bench, p, _) = stage(1);
    ask(&mut bench, p, json!({"method": "wake", "ms": 30}));
    bench.advance(ms(29));
    assert!(bench.stats("actor").get("tick").is_none());
    bench.advance(ms(2));
    assert_eq!(bench.stats("actor")["tick"], 1);
    bench.advance(seconds(5));
    assert_eq!(bench.stats("actor")["tick"], 1);
}

#[test]
fn background_work_comes_back_and_answers_may_be_late() {
    let (mut bench, p, _) = stage(2);
    let mut answer = bench.request_later("actor", p, json!({"method": "later"}));
    assert!(answer.take().is_none());
    ask(&mut bench, p, json!({"method": "background", "text": "ready"}));
    assert_eq!(answer.take(), Some(Ok(Reply::Json(json!("ready")))));
    assert_eq!(bench.stats("actor")["message ready"], 1);
}

#[test]
fn the_queue_of_commands_is_bounded() {
    let (mut bench, _, c) = stage(1);
    let before = bench.received(c).len();
    ask(&mut bench, c, json!({"method": "storm"}));
    let arrived = bench.received(c).len() - before;
    assert!(arrived <= 1024, "{arrived}");
    assert_eq!(bench.stats("actor")["refused"], 5000 - arrived as u64);
    let faults = bench.worker_stats().plugin_faults;
    assert_eq!(faults["actor"].refused_commands, 5000 - arrived as u64);
    assert_eq!(faults["echo"], sfu_core::control::PluginFaults::default());
    assert_eq!(bench.receiver(c).lost(), 0);
    ask(&mut bench, c, json!({"method": "send", "number": 1}));
    assert_eq!(bench.received(c).len(), before + arrived + 1);
}
