//! A plugin that guards what goes through, and a packet that is made to break it.
use std::cell::Cell;

use serde_json::Value;
use sfu_core::control::{DataPath, EventBody, OutgoingData, Target};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, DataMessage, DataProducerId, DataProducerInfo, Error, Plugin,
    ProducerId, ProducerInfo, Responder, Rows, RtpPacket, Start, Verdict, plugin, ppid,
};
use sfu_core::testing::{self, Bench, Build, Conditions, Media, PeerOptions};

use crate::{ms, quiet};

thread_local! {
    /// Whether a new instance can be made.
    static BREAKS_ANEW: Cell<bool> = const { Cell::new(false) };
}

/// A number that the guard keeps back.
const SECRET: u32 = 666;
/// The number that breaks it.
const CRAFTED: u32 = 13;
/// The number over which it takes too long.
const LENGTHY: u32 = 50;
/// What anybody may have.
const PLAIN: u32 = 7;

fn judge(payload: &[u8]) -> Verdict {
    match payload.last_chunk().map(|number| u32::from_be_bytes(*number)) {
        Some(SECRET) => Verdict::Drop,
        Some(CRAFTED) => std::panic::panic_any("meant"),
        Some(LENGTHY) => {
            testing::spend(ms(50));
            Verdict::Forward
        }
        _ => Verdict::Forward,
    }
}

fn begin() -> Result<(), Error> {
    if BREAKS_ANEW.get() { Err(Error::new("there is no other one")) } else { Ok(()) }
}

macro_rules! guards {
    ($out:ident, $way_in:ident, $data:ident, $what:literal) => {
        /// Guards what consumers get.
        struct $out;
        #[plugin(id = "guard", on_panic = $what)]
        impl Plugin for $out {
            type Request = Value;
            type Consumer = ConsumerId;
            fn new(_: Self::Config, _: Start<'_, Self>) -> Result<Self, Error> {
                begin().map(|()| $out)
            }
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
                _: &mut ConsumerId,
                packet: &mut RtpPacket<'_>,
                _: &(),
                _: &mut Cx<'_>,
            ) -> Verdict {
                judge(packet.payload())
            }
            fn request(&mut self, _: Value, _: Target, _: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                std::panic::panic_any("meant")
            }
        }

        /// Guards what producers send.
        struct $way_in;
        #[plugin(id = "guard", on_panic = $what)]
        impl Plugin for $way_in {
            type Request = Value;
            type Producer = ProducerId;
            fn new(_: Self::Config, _: Start<'_, Self>) -> Result<Self, Error> {
                begin().map(|()| $way_in)
            }
            fn producer_opened(
                &mut self,
                info: &ProducerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<ProducerId> {
                Attach::On(info.id)
            }
            fn rtp_in(
                &mut self,
                _: &mut ProducerId,
                packet: &mut RtpPacket<'_>,
                _: &mut (),
                _: &mut Cx<'_>,
            ) -> Verdict {
                judge(packet.payload())
            }
            fn request(&mut self, _: Value, _: Target, _: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                std::panic::panic_any("meant")
            }
        }

        /// Guards messages.
        struct $data;
        #[plugin(id = "guard", on_panic = $what)]
        impl Plugin for $data {
            type Request = Value;
            type DataProducer = DataProducerId;
            fn new(_: Self::Config, _: Start<'_, Self>) -> Result<Self, Error> {
                begin().map(|()| $data)
            }
            fn data_producer_opened(
                &mut self,
                info: &DataProducerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<DataProducerId> {
                Attach::On(info.id)
            }
            fn data_in(
                &mut self,
                _: &mut DataProducerId,
                msg: &mut DataMessage<'_>,
                _: &mut Cx<'_>,
            ) -> Verdict {
                judge(msg.payload())
            }
            fn request(&mut self, _: Value, _: Target, _: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                std::panic::panic_any("meant")
            }
        }
    };
}
guards!(OutForward, InForward, DataForward, "forward");
guards!(OutDrop, InDrop, DataDrop, "drop");
guards!(OutClose, InClose, DataClose, "close");

type Guarded<P> = Bench<sfu_core::plugin::Cons<P, sfu_core::plugin::Nil>>;

/// One guarded way from a sender to a receiver.
#[derive(Clone, Copy)]
struct Way {
    producer: Option<ProducerId>,
    consumer: Option<ConsumerId>,
    bot: Option<DataProducerId>,
    /// What the guard is on for.
    guarded: Target,
}

/// What a guard is on for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Out,
    In,
    Data,
}

struct Stage<P: Plugin> {
    bench: Guarded<P>,
    what: What,
}

impl<P: Plugin> Stage<P> {
    fn begin(workers: u8, what: What) -> Self {
        quiet();
        BREAKS_ANEW.set(false);
        Stage { bench: Build::of::<P>().workers(workers).start(), what }
    }

    fn way(&mut self) -> Option<Way> {
        let bench = &mut self.bench;
        if self.what == What::Data {
            let direct = bench.direct_transport();
            let bot = bench.try_data_producer(direct, DataPath::Direct).ok()?;
            bench.try_data_consumer(direct, bot, DataPath::Direct, &[]).unwrap();
            return Some(Way { producer: None, consumer: None, bot: Some(bot), guarded: bot.into() });
        }
        let far = PeerOptions::plain().to_worker(Conditions::delay(ms(5)));
        let peer = bench.peer_with(far);
        let producer = bench.try_produce(peer, Media::opus()).ok()?;
        let viewer = bench.peer_with(PeerOptions::plain().worker(bench.workers() - 1));
        let consumer = bench.try_consume(viewer, producer).ok()?;
        let guarded = if self.what == What::In { producer.into() } else { consumer.into() };
        Some(Way { producer: Some(producer), consumer: Some(consumer), bot: None, guarded })
    }

    /// Sends numbers that arrive in one turn, as far as the way is still there; what came out at the other end.
    fn send(&mut self, way: Way, numbers: &[u32]) -> Vec<u32> {
        let bench = &mut self.bench;
        if let (Some(producer), Some(consumer)) = (way.producer, way.consumer) {
            bench.take_received(consumer);
            for number in numbers {
                bench.send(producer, testing::opus(*number));
            }
            bench.advance(ms(30));
            return bench.take_received(consumer).iter().map(|packet| packet.number()).collect();
        }
        for number in numbers {
            let (ppid, payload) = (ppid::BINARY, number.to_be_bytes().to_vec().into());
            let message = OutgoingData { ppid, payload, ..Default::default() };
            let data_producer = way.bot.unwrap();
            let _ = bench.try_command(sfu_core::control::Command::SendData { data_producer, message });
        }
        bench.advance(ms(30));
        let heard = bench.take_direct().into_iter();
        heard.map(|(_, told)| u32::from_be_bytes(*told.payload.last_chunk().unwrap())).collect()
    }

    fn is_closed(&self, way: Way) -> bool {
        self.bench.events_of(way.guarded).iter().any(|body| matches!(body, EventBody::Closed(_)))
    }

    fn last_step(&self) -> String {
        self.bench.faults().last().map(|(_, step)| step.clone()).unwrap_or_default()
    }
}

/// What a guard that failed leaves of its way.
#[derive(Debug, Clone, Copy, PartialEq)]
enum After {
    Open,
    Shut,
    Closed,
}

/// Puts a guard through all that may become of it. `after`: what its `on_panic` says.
fn ladder<P: Plugin>(what: What, after: After) {
    let unguarded: &[u32] = if after == After::Open { &[PLAIN, SECRET] } else { &[] };
    for workers in [1, 2] {
        let text = format!("{workers} workers, {what:?}, {after:?}");
        let check = |stage: &mut Stage<P>, way: Way, text: &str| {
            assert_eq!(stage.send(way, &[PLAIN, SECRET]), unguarded, "{text}");
            assert_eq!(stage.is_closed(way), after == After::Closed, "{text}");
        };
        let guards = |stage: &mut Stage<P>, way: Way, text: &str| {
            assert_eq!(stage.send(way, &[SECRET, PLAIN, SECRET]), [PLAIN], "{text}");
        };

        // One panic, with packets behind it in the same turn.
        let mut stage = Stage::<P>::begin(workers, what);
        let ways: Vec<Way> = (0..7).map(|_| stage.way().unwrap()).collect();
        guards(&mut stage, ways[0], &text);
        let through = stage.send(ways[0], &[PLAIN, CRAFTED, SECRET, PLAIN]);
        let expected: &[u32] = if after == After::Open { &[PLAIN, CRAFTED, SECRET, PLAIN] } else { &[PLAIN] };
        assert_eq!(through, expected, "{text}, in one turn");
        assert_eq!(stage.last_step(), "detached", "{text}");
        check(&mut stage, ways[0], &text);
        guards(&mut stage, ways[6], &text);

        // A panic over something else than a packet.
        let target = ways[1].guarded;
        assert!(stage.bench.request("guard", target, Value::Null).is_err());
        check(&mut stage, ways[1], &format!("{text}, after a request"));

        // The third one: made anew, it guards again what is there.
        stage.send(ways[2], &[CRAFTED]);
        assert_eq!(stage.last_step(), "rebuilt", "{text}");
        for (n, way) in ways.iter().enumerate() {
            // Closed is closed, also what broke it last.
            if after == After::Closed && n <= 2 {
                assert!(stage.is_closed(*way), "{text}");
                assert_eq!(stage.send(*way, &[PLAIN, SECRET]), [0; 0], "{text}");
            } else {
                guards(&mut stage, *way, &format!("{text}, made anew, {n}"));
            }
        }

        // Three more: quarantined.
        for way in &ways[3..6] {
            stage.send(*way, &[CRAFTED, SECRET]);
        }
        assert_eq!(stage.last_step(), "quarantined", "{text}");
        for way in &ways[3..] {
            check(&mut stage, *way, &format!("{text}, quarantined"));
        }
        // What opens now is guarded by nobody.
        let next = stage.way();
        assert_eq!(next.is_none(), after == After::Closed, "{text}");
        if let Some(way) = next {
            assert_eq!(stage.send(way, &[PLAIN, SECRET]), unguarded, "{text}, opened in quarantine");
        }
        // Switched off it guards nothing, switched on it would.
        stage.bench.disable("guard", Target::Worker).unwrap();
        let free = stage.way().unwrap();
        assert_eq!(stage.send(free, &[PLAIN, SECRET]), [PLAIN, SECRET], "{text}, off");
        stage.bench.enable("guard", free.guarded, Value::Null).unwrap();
        assert_eq!(stage.send(free, &[PLAIN, SECRET]), unguarded, "{text}, on in quarantine");

        // It can't be made anew.
        let mut stage = Stage::<P>::begin(workers, what);
        let ways: Vec<Way> = (0..4).map(|_| stage.way().unwrap()).collect();
        BREAKS_ANEW.set(true);
        for way in &ways[..3] {
            stage.send(*way, &[CRAFTED, SECRET]);
        }
        assert_eq!(stage.last_step(), "quarantined", "{text}");
        for way in &ways {
            check(&mut stage, *way, &format!("{text}, not made anew"));
        }

        // Too slow over one.
        let mut stage = Stage::<P>::begin(workers, what);
        let ways = [stage.way().unwrap(), stage.way().unwrap()];
        for _ in 0..20 {
            stage.send(ways[0], &[LENGTHY]);
        }
        assert_eq!(stage.last_step(), "detached", "{text}, slow");
        check(&mut stage, ways[0], &format!("{text}, slow"));
        guards(&mut stage, ways[1], &format!("{text}, slow"));
    }
}

#[test]
fn a_crafted_packet_opens_shuts_or_closes_a_guarded_consumer_in_every_state() {
    ladder::<OutForward>(What::Out, After::Open);
    ladder::<OutDrop>(What::Out, After::Shut);
    ladder::<OutClose>(What::Out, After::Closed);
}

#[test]
fn a_crafted_packet_opens_shuts_or_closes_a_guarded_producer_in_every_state() {
    ladder::<InForward>(What::In, After::Open);
    ladder::<InDrop>(What::In, After::Shut);
    ladder::<InClose>(What::In, After::Closed);
}

#[test]
fn a_crafted_message_opens_shuts_or_closes_a_guarded_data_producer_in_every_state() {
    ladder::<DataForward>(What::Data, After::Open);
    ladder::<DataDrop>(What::Data, After::Shut);
    ladder::<DataClose>(What::Data, After::Closed);
}
