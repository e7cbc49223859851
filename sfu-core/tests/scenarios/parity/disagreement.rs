//! Two plugins that decide differently: the order of the list says who has the last word.
use std::cell::{Cell, RefCell};

use serde_json::{Value, json};
use sfu_core::control::{Command, EventBody, Labels};
use sfu_core::plugin::{
    Attach, ConsumerInfo, Cx, DataConsumerId, DataConsumerInfo, DataMessage, DataProducerInfo, Plugin,
    ProducerId, ProducerInfo, Refusal, Responder, Rows, RtpPacket, SessionId, SessionInfo, Target, Verdict,
    plugin, ppid,
};
use sfu_core::testing::{self, Bench, Build, Media, PeerOptions};

use crate::{ms, seconds};

thread_local! {
    static JOURNAL: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Whom one took off the list of recipients.
    static OFF_LIST: Cell<Option<DataConsumerId>> = const { Cell::new(None) };
}

fn note(entry: String) {
    JOURNAL.with_borrow_mut(|journal| journal.push(entry));
}

macro_rules! opinionated {
    ($name:ident, $id:literal, $mark:literal) => {
        /// Does what the payload tells it by its id, and says so.
        #[derive(Default)]
        struct $name;

        #[plugin(id = $id, on_panic = "forward")]
        impl Plugin for $name {
            type Session = ();
            type Producer = ProducerId;
            type Consumer = ();
            type DataProducer = ();
            type DataConsumer = ();
            type Request = Value;
            fn session_opened(
                &mut self,
                info: &SessionInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<()> {
                note(concat!($id, " opened").into());
                match info.labels.get("refused_by") {
                    Some(by) if by.contains($id) => Attach::Refuse(Refusal::new(concat!($id, " says no"))),
                    _ => Attach::On(()),
                }
            }
            fn session_closed(&mut self, _: SessionId, (): (), _: &mut Cx<'_>) {
                note(concat!($id, " closed").into());
            }
            fn producer_opened(
                &mut self,
                info: &ProducerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<ProducerId> {
                Attach::On(info.id)
            }
            fn consumer_opened(
                &mut self,
                _: &ConsumerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<()> {
                Attach::On(())
            }
            fn data_producer_opened(
                &mut self,
                _: &DataProducerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<()> {
                Attach::On(())
            }
            fn data_consumer_opened(
                &mut self,
                _: &DataConsumerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<()> {
                Attach::On(())
            }
            fn rtp_in(
                &mut self,
                id: &mut ProducerId,
                packet: &mut RtpPacket<'_>,
                _: &mut (),
                cx: &mut Cx<'_>,
            ) -> Verdict {
                note(concat!($id, " in").into());
                let asked = packet.payload().to_vec();
                let is_asked = |what: &[u8]| asked.windows(what.len()).any(|part| part == what);
                if is_asked(concat!("pause by ", $id).as_bytes()) {
                    cx.pause(*id);
                }
                if is_asked(concat!("resume by ", $id).as_bytes()) {
                    cx.resume(*id);
                }
                if is_asked(concat!("in dropped by ", $id).as_bytes()) {
                    return Verdict::Drop;
                }
                packet.payload_mut().unwrap()[0] = $mark;
                Verdict::Forward
            }
            fn rtp_out(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
                note(concat!($id, " out").into());
                let asked = concat!("out dropped by ", $id).as_bytes();
                if packet.payload().windows(asked.len()).any(|part| part == asked) {
                    return Verdict::Drop;
                }
                packet.payload_mut().unwrap()[1] = $mark;
                Verdict::Forward
            }
            fn data_in(&mut self, _: &mut (), msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
                let asked = String::from_utf8_lossy(msg.payload()).into_owned();
                note(format!("{} hears {asked:?} for {}", $id, msg.to().len()));
                if asked.contains(concat!("taken off by ", $id)) {
                    let first = msg.to().iter().next();
                    msg.to().retain(|id| Some(id) != first);
                    OFF_LIST.set(first);
                }
                if asked.contains(concat!("put back by ", $id)) {
                    let first = msg.to().iter().next();
                    if let Some(id) = OFF_LIST.take().or(first) {
                        msg.to().push(id);
                    }
                }
                if asked.contains(concat!("dropped by ", $id)) {
                    return Verdict::Drop;
                }
                msg.payload_mut().push($mark);
                Verdict::Forward
            }
            fn data_out(&mut self, _: &mut (), msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
                let asked = String::from_utf8_lossy(msg.payload()).into_owned();
                if asked.contains(concat!("kept by ", $id)) {
                    return Verdict::Drop;
                }
                msg.payload_mut().push($mark);
                Verdict::Forward
            }
            fn request(
                &mut self,
                ask: Value,
                _: Target,
                re: Responder,
                _: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
                note(format!("{} asked {ask}", $id));
                match ask == $id {
                    true => re.ok($id),
                    false => re.error(400, concat!($id, " says no")),
                }
            }
        }
    };
}
opinionated!(First, "first", b'1');
opinionated!(Second, "second", b'2');

type Two = sfu_core::plugin::Cons<First, sfu_core::plugin::Cons<Second, sfu_core::plugin::Nil>>;

fn stage(workers: u8) -> Bench<Two> {
    JOURNAL.take();
    Build::<Two>::new().workers(workers).start()
}

/// A packet that asks for something; its first two bytes are the plugins'.
fn asking(n: u32, what: &str) -> testing::Rtp {
    testing::Rtp::new(n * 960, format!("..{what}"))
}

#[test]
fn of_two_plugins_either_drops_a_packet_and_the_one_behind_does_not_see_it() {
    for workers in [1, 2] {
        let mut bench = stage(workers);
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        JOURNAL.take();
        for (what, seen_by, arrives) in [
            ("nothing", &["first in", "second in", "second out", "first out"][..], true),
            ("in dropped by first", &["first in"], false),
            ("in dropped by second", &["first in", "second in"], false),
            ("out dropped by second", &["first in", "second in", "second out"], false),
            ("out dropped by first", &["first in", "second in", "second out", "first out"], false),
        ] {
            let n = bench.received(c).len();
            bench.send(p, asking(n as u32 + 1, what));
            assert_eq!(JOURNAL.take(), seen_by, "{workers} workers, {what}");
            assert_eq!(bench.received(c).len() - n, usize::from(arrives), "{workers} workers, {what}");
        }
        assert_eq!(bench.receiver(c).lost(), 0, "no drop leaves a gap");
    }
}

#[test]
fn of_two_plugins_the_one_that_sees_a_packet_last_has_the_last_word_about_its_bytes() {
    for workers in [1, 2] {
        let mut bench = stage(workers);
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        bench.send(p, asking(1, "mark"));
        // The second one is the last on the way in, the first one on the way out.
        assert_eq!(bench.received(c)[0].payload[..2], *b"21", "{workers} workers");
    }
}

#[test]
fn what_two_plugins_ask_for_over_one_packet_happens_in_the_order_of_asking() {
    for workers in [1, 2] {
        let paused = |bench: &mut Bench<Two>, p: ProducerId| {
            let told = bench.events_of(p).into_iter();
            let last =
                told.filter(|body| matches!(body, EventBody::Paused { .. } | EventBody::Resumed { .. }));
            matches!(last.last(), Some(EventBody::Paused { .. }))
        };
        for (what, ends_paused) in
            [("pause by first, resume by second", false), ("resume by first, pause by second", true)]
        {
            let mut bench = stage(workers);
            let p = bench.audio_producer();
            let c = bench.consumer(p);
            bench.send(p, asking(1, what));
            assert_eq!(bench.received(c).len(), 1, "it was on its way before");
            assert_eq!(paused(&mut bench, p), ends_paused, "{workers} workers, {what}");
            bench.send(p, asking(2, "nothing"));
            assert_eq!(bench.received(c).len(), 1 + usize::from(!ends_paused), "{workers} workers, {what}");
        }
    }
}

#[test]
fn of_two_plugins_each_edits_the_recipients_so_far_and_any_drop_is_final() {
    for worker in [0, 1] {
        let mut bench = stage(2);
        let peers = [0; 3].map(|_| bench.peer_with(PeerOptions::webrtc().data().worker(worker)));
        let [ann, bob, cid] = peers;
        let chat = bench.data_producer(ann, 1);
        bench.consume_data(bob, chat, 1);
        bench.consume_data(cid, chat, 1);
        bench.advance(seconds(1));
        let mut say = |what: &str| {
            JOURNAL.take();
            bench.send_data(ann, 1, ppid::STRING, what.as_bytes());
            bench.advance(ms(500));
            let mut heard = |peer| {
                let all = bench.take_data(peer).into_iter();
                all.map(|told| String::from_utf8(told.payload).unwrap()).collect::<Vec<_>>()
            };
            (JOURNAL.take(), [heard(bob), heard(cid)])
        };
        let heard = |id: &str, what: &str, by: usize| format!("{id} hears {what:?} for {by}");
        let marked = |what: &str| vec![format!("{what}1221")];
        let nothing = Vec::<String>::new;
        let both =
            |what: &str, of: usize| vec![heard("first", what, 2), heard("second", &format!("{what}1"), of)];
        assert_eq!(say("plain"), (both("plain", 2), [marked("plain"), marked("plain")]));
        // The second one sees the list as the first one left it, and what it adds is there.
        let what = "taken off by first";
        assert_eq!(say(what), (both(what, 1), [nothing(), marked(what)]));
        let what = "taken off by first, put back by second";
        assert_eq!(say(what), (both(what, 1), [marked(what), marked(what)]), "as the last one left it");
        // A drop of either is a drop, whatever the other one did to the list.
        let what = "dropped by first";
        assert_eq!(say(what), (vec![heard("first", what, 2)], [nothing(), nothing()]));
        let what = "put back by first, dropped by second";
        let second = heard("second", &format!("{what}1"), 3);
        assert_eq!(say(what), (vec![heard("first", what, 2), second], [nothing(), nothing()]));
        for what in ["kept by first", "kept by second"] {
            assert_eq!(say(what), (both(what, 2), [nothing(), nothing()]));
        }
    }
}

#[test]
fn of_two_plugins_one_that_refuses_is_enough_and_who_was_on_is_told() {
    for workers in [1, 2] {
        for (by, heard, journal) in [
            ("first", "first says no", &["first opened"][..]),
            ("second", "second says no", &["first opened", "second opened", "first closed"]),
            ("first and second", "first says no", &["first opened"]),
        ] {
            let mut bench = stage(workers);
            let labels = Labels::new().with("refused_by", by);
            let error = bench.try_peer(PeerOptions::plain().worker(workers - 1).labels(labels)).unwrap_err();
            assert!(error.text.contains(heard), "{workers} workers, {by}: {error}");
            assert_eq!(JOURNAL.take(), journal, "{workers} workers, {by}");
            assert_eq!(bench.counter("sessions"), 0);
        }
    }
}

#[test]
fn a_request_is_answered_by_the_plugin_that_it_names_alone() {
    for workers in [1, 2] {
        let mut bench = stage(workers);
        let peer = bench.peer_with(PeerOptions::plain().worker(workers - 1));
        let p = bench.produce(peer, Media::opus());
        JOURNAL.take();
        for (id, other) in [("first", "second"), ("second", "first")] {
            assert_eq!(bench.request(id, p, json!(id)), Ok(json!(id)));
            assert_eq!(bench.request(id, p, json!(other)).unwrap_err().text, format!("{id} says no"));
            let asked = [format!("{id} asked \"{id}\""), format!("{id} asked \"{other}\"")];
            assert_eq!(JOURNAL.take(), asked, "{workers} workers");
        }
        let nobody = Command::PluginRequest { plugin: "third".into(), target: p.into(), body: json!(1) };
        assert!(bench.try_command(nobody).is_err());
    }
}
