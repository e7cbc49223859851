//! Data channels of a room on two media threads.
use sfu_core::control::{
    CloseReason, DataConsumerId, DataPath, DataProducerId, EventBody, OutgoingData, Target,
};
use sfu_core::plugin::{
    Attach, Cx, DataConsumerInfo, DataMessage, DataProducerInfo, Nil, Plugin, PluginSet, Verdict, plugin,
    ppid,
};
use sfu_core::testing::{self, Bench, Build, PeerId, PeerOptions, ReceivedData};

use crate::{ms, seconds};

fn text(stream: u16, text: &str) -> ReceivedData {
    ReceivedData { stream, ppid: ppid::STRING, payload: text.into() }
}

/// Who speaks is on the first thread, who hears on each.
struct Room<S: PluginSet> {
    bench: Bench<S>,
    ann: PeerId,
    chat: DataProducerId,
    near: (PeerId, DataConsumerId),
    far: (PeerId, DataConsumerId),
}

impl<S: PluginSet> Room<S> {
    fn of(build: Build<S>) -> Self {
        let mut bench = build.workers(2).start();
        let ann = bench.peer_with(PeerOptions::webrtc().data());
        let chat = bench.data_producer(ann, 1);
        let mut hears = |worker| {
            let peer = bench.peer_with(PeerOptions::webrtc().data().worker(worker));
            (peer, bench.consume_data(peer, chat, 1))
        };
        let (near, far) = (hears(0), hears(1));
        bench.advance(seconds(1));
        Room { bench, ann, chat, near, far }
    }

    fn say(&mut self, said: &str) {
        self.bench.send_data(self.ann, 1, ppid::STRING, said.as_bytes());
        self.bench.advance(ms(50));
    }

    /// What each heard since this was last asked.
    fn heard(&mut self) -> [Vec<ReceivedData>; 2] {
        [self.near.0, self.far.0].map(|peer| self.bench.take_data(peer))
    }
}

#[test]
fn messages_of_any_size_arrive_in_order_on_the_other_thread() {
    let mut room = Room::of(Build::<Nil>::new());
    let sizes = [1, 262_144, 10, 0, 200_000, 5];
    let said: Vec<Vec<u8>> = (0u8..).zip(sizes).map(|(byte, size)| vec![byte; size]).collect();
    for payload in &said {
        let ppid = if payload.is_empty() { ppid::BINARY_EMPTY } else { ppid::BINARY };
        let wire = if payload.is_empty() { &[0][..] } else { payload };
        room.bench.send_data(room.ann, 1, ppid, wire);
    }
    room.bench.advance(seconds(10));
    for heard in room.heard() {
        let sizes_heard: Vec<usize> = heard.iter().map(|data| data.payload.len()).collect();
        // Nothing is a zero byte on the wire.
        assert_eq!(sizes_heard, sizes.map(|size| size.max(1)));
        assert!(heard.iter().zip(&said).all(|(data, said)| said.is_empty() || data.payload == *said));
    }
    assert_eq!(room.bench.counter("data_relay_lost"), 0);
    let stats = room.bench.worker_stats();
    let far = stats.data_consumers.iter().find(|consumer| consumer.id == room.far.1).unwrap();
    assert_eq!((far.messages, far.dropped), (sizes.len() as u64, 0));
}

#[test]
fn a_pause_of_the_data_producer_holds_on_both_threads() {
    let mut room = Room::of(Build::<Nil>::new());
    room.bench.pause(room.chat);
    room.say("unheard");
    assert_eq!(room.heard(), [vec![], vec![]]);
    room.bench.resume(room.chat);
    room.say("hello");
    assert_eq!(room.heard(), [vec![text(1, "hello")], vec![text(1, "hello")]]);
    for id in [room.near.1, room.far.1] {
        let events = room.bench.events_of(id);
        for event in [EventBody::Paused { by_producer: true }, EventBody::Resumed { by_producer: true }] {
            assert!(events.contains(&event), "{id}: {events:?}");
        }
    }
}

#[test]
fn the_end_of_the_data_producer_is_that_of_its_data_consumers_on_both_threads_behind_its_last_message() {
    let mut room = Room::of(Build::<Nil>::new());
    room.bench.send_data(room.ann, 1, ppid::STRING, b"last");
    room.bench.close(room.chat);
    room.bench.advance(seconds(1));
    assert_eq!(room.heard(), [vec![text(1, "last")], vec![text(1, "last")]]);
    for id in [room.near.1, room.far.1] {
        assert_eq!(room.bench.events_of(id).last(), Some(&EventBody::Closed(CloseReason::Parent)), "{id}");
    }
    assert_eq!((room.bench.counter("data_producers"), room.bench.counter("data_consumers")), (0, 0));
}

#[test]
fn who_leaves_and_comes_again_hears_again() {
    let mut room = Room::of(Build::<Nil>::new());
    for round in 0..3 {
        room.bench.close(room.far.1);
        room.say("to the others");
        room.far.1 = room.bench.consume_data(room.far.0, room.chat, 2 + round);
        room.say("back");
        let [near, far] = room.heard();
        assert_eq!((near.len(), far), (2, vec![text(2 + round, "back")]));
    }
}

#[test]
fn a_subchannel_is_chosen_on_the_other_thread_too() {
    let mut bench: Bench<Nil> = Build::new().workers(2).start();
    let direct = bench.direct_transport();
    let bot = bench.data_producer_on(direct, DataPath::Direct);
    let peers = [0, 1].map(|worker| bench.peer_with(PeerOptions::webrtc().data().worker(worker)));
    for peer in peers {
        let transport = bench.transport(peer);
        let path = |stream| DataPath::Sctp(testing::stream(stream));
        bench.try_data_consumer(transport, bot, path(1), &[7]).unwrap();
        bench.try_data_consumer(transport, bot, path(2), &[8]).unwrap();
    }
    bench.advance(seconds(1));
    let message = OutgoingData {
        ppid: ppid::STRING,
        payload: "seven".into(),
        subchannels: vec![7],
        ..OutgoingData::default()
    };
    bench.send_direct(bot, message);
    bench.advance(seconds(1));
    for peer in peers {
        assert_eq!(bench.take_data(peer), [text(1, "seven")]);
    }
}

#[test]
fn a_thread_that_does_not_keep_up_loses_messages_and_they_are_counted() {
    let mut room = Room::of(Build::<Nil>::new());
    let direct = room.bench.direct_transport();
    let bot = room.bench.data_producer_on(direct, DataPath::Direct);
    let transport = room.bench.transport(room.far.0);
    let path = DataPath::Sctp(testing::stream(5));
    room.bench.try_data_consumer(transport, bot, path, &[]).unwrap();
    room.bench.stall(1, true);
    let payload = vec![1u8; 250_000];
    for _ in 0..100 {
        let message =
            OutgoingData { ppid: ppid::BINARY, payload: payload.clone().into(), ..Default::default() };
        room.bench.send_direct(bot, message);
    }
    // 16 MiB may wait: 67 of these.
    assert_eq!(room.bench.counter("data_relay_lost"), 100 - 67);
    room.bench.stall(1, false);
    room.bench.advance(seconds(60));
    room.say("goes on");
    assert_eq!(room.heard()[1].last(), Some(&text(1, "goes on")));
    assert_eq!(room.bench.counter("data_relay_lost"), 100 - 67);
}

/// Writes on messages where they pass, and sends some to the second thread alone.
#[derive(Default)]
struct Stamp {
    consumers: Vec<DataConsumerId>,
}

#[plugin(id = "stamp", on_panic = "forward")]
impl Plugin for Stamp {
    type DataProducer = ();
    type DataConsumer = ();
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
        info: &DataConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        self.consumers.push(info.id);
        Attach::On(())
    }
    fn data_in(&mut self, _: &mut (), msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict {
        let near = self.consumers.first().copied();
        if msg.payload().starts_with(b"near")
            && let Some(near) = near
        {
            msg.to().clear();
            msg.to().push(near);
        }
        msg.payload_mut().extend_from_slice(format!(" in {}", cx.worker()).as_bytes());
        Verdict::Forward
    }
    fn data_out(&mut self, _: &mut (), msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict {
        msg.payload_mut().extend_from_slice(format!(" out {}", cx.worker()).as_bytes());
        Verdict::Forward
    }
}

#[test]
fn plugins_see_messages_come_in_on_one_thread_and_go_out_on_the_other() {
    let mut room = Room::of(Build::of::<Stamp>());
    room.say("all");
    assert_eq!(room.heard(), [vec![text(1, "all in 0 out 0")], vec![text(1, "all in 0 out 1")]]);
    // What a plugin chose recipients for is for those.
    room.say("near");
    assert_eq!(room.heard(), [vec![text(1, "near in 0 out 0")], vec![]]);
    assert_eq!(room.bench.faults(), []);
}

/// Sends everything to whom it was told, wherever that is.
#[derive(Default)]
struct Post {
    to: Option<DataConsumerId>,
}

#[plugin(id = "post", on_panic = "forward")]
impl Plugin for Post {
    type DataProducer = ();
    type Request = String;
    fn data_producer_opened(
        &mut self,
        _: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        Attach::On(())
    }
    fn request(
        &mut self,
        to: String,
        _: Target,
        re: sfu_core::plugin::Responder,
        _: &mut sfu_core::plugin::Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        self.to = to.parse().ok();
        re.ok(());
    }
    fn data_in(&mut self, _: &mut (), msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        if let Some(to) = self.to {
            msg.to().clear();
            msg.to().push(to);
        }
        Verdict::Forward
    }
}

#[test]
fn a_plugin_may_choose_a_data_consumer_of_another_thread_of_the_room() {
    // The room is one where it has spread; routers of their own are rooms of their own.
    for spread in [true, false] {
        let mut bench = Build::of::<Post>().workers(2).spread_at(1).start();
        let ann = bench.peer_with(PeerOptions::webrtc().data());
        let chat = bench.data_producer(ann, 1);
        let bob = match spread {
            true => bench.peer_with(PeerOptions::webrtc().data().placed()),
            false => bench.peer_with(PeerOptions::webrtc().data().worker(1)),
        };
        let other = bench.consume_data(bob, chat, 1);
        assert_eq!(other.worker(), 1);
        bench.advance(seconds(1));
        bench.request("post", chat, other.to_string().into()).unwrap();
        bench.send_data(ann, 1, ppid::STRING, b"for you");
        bench.advance(seconds(1));
        let heard = bench.take_data(bob);
        assert_eq!(heard, if spread { vec![text(1, "for you")] } else { vec![] });
    }
}
