//! Data channels: from a peer to its listeners, inside DTLS, beside plain RTP, and from and to signaling itself.
use sfu_core::control::{
    CloseReason, Command, DataPath, EventBody, OutgoingData, Reply, SctpOptions, SctpState, SctpStreams,
    Target,
};
use sfu_core::plugin::{
    Attach, Cx, DataConsumerInfo, DataMessage, DataProducerInfo, Nil, Plugin, Verdict, plugin, ppid,
};
use sfu_core::testing::{self, Bench, Build, Conditions, PeerOptions, ReceivedData};

use crate::{ms, seconds};

fn bench() -> Bench<Nil> {
    Build::new().start()
}

fn text(stream: u16, text: &str) -> ReceivedData {
    ReceivedData { stream, ppid: ppid::STRING, payload: text.into() }
}

fn said(payload: &str) -> OutgoingData {
    OutgoingData { ppid: ppid::STRING, payload: payload.to_owned().into(), ..Default::default() }
}

#[test]
fn a_message_goes_from_one_browser_to_another_inside_dtls() {
    for server in [false, true] {
        let mut bench = bench();
        let options = |server: bool| {
            let options = PeerOptions::webrtc().data().path(Conditions::perfect());
            if server { options.dtls_server() } else { options }
        };
        let (ann, bob) = (bench.peer_with(options(server)), bench.peer_with(options(!server)));
        let chat = bench.data_producer(ann, 5);
        let listener = bench.consume_data(bob, chat, 8);
        bench.advance(seconds(1));
        for peer in [ann, bob] {
            let transport = bench.transport(peer);
            let events = bench.events_of(transport);
            let streams = SctpStreams { max_outbound: 65535, max_inbound: 65535 };
            for event in [
                EventBody::SctpState(SctpState::Connecting),
                EventBody::SctpState(SctpState::Connected),
                EventBody::SctpStreams(streams),
            ] {
                assert!(events.contains(&event), "{event:?} is not in {events:?}");
            }
            assert!(bench.has_sctp(peer));
        }
        bench.send_data(ann, 5, ppid::STRING, b"hello");
        bench.send_data(ann, 5, ppid::BINARY, &vec![7; 100_000]);
        bench.send_data(ann, 9, ppid::STRING, b"nobody asked");
        bench.advance(seconds(1));
        let big = ReceivedData { stream: 8, ppid: ppid::BINARY, payload: vec![7; 100_000] };
        assert_eq!(bench.take_data(bob), [text(8, "hello"), big]);
        assert_eq!(bench.counter("data_unknown_stream"), 1);
        let Reply::Stats(stats) = bench.command(Command::Stats(Target::DataProducer(chat))) else { panic!() };
        assert_eq!((stats.data_producers[0].messages, stats.data_producers[0].bytes), (2, 100_005));
        assert_eq!((stats.data_consumers[0].id, stats.data_consumers[0].messages), (listener, 2));
    }
}

#[test]
fn data_channels_end_with_the_dtls_session_that_they_go_through() {
    for workers in [1, 2] {
        let mut bench: Bench<Nil> = Build::new().workers(workers).start();
        let options = |worker| PeerOptions::webrtc().data().worker(worker).path(Conditions::perfect());
        let (ann, bob) = (bench.peer_with(options(workers - 1)), bench.peer_with(options(workers - 1)));
        let chat = bench.data_producer(ann, 1);
        let listener = bench.consume_data(bob, chat, 1);
        bench.advance(seconds(1));
        bench.send_data(ann, 1, ppid::STRING, b"hello");
        assert_eq!(bench.take_data(bob), [text(1, "hello")]);
        bench.hang_up(bob);
        let transport = bench.transport(bob);
        let events = bench.events_of(transport);
        let last = events.iter().rev().find(|event| matches!(event, EventBody::SctpState(_)));
        assert_eq!(last, Some(&EventBody::SctpState(SctpState::Closed)), "{events:?}");
        // Each message is counted where it is lost, and nothing is tried again.
        bench.send_data(ann, 1, ppid::STRING, b"too late");
        bench.advance(seconds(10));
        let Reply::Stats(stats) = bench.command(Command::Stats(Target::DataConsumer(listener))) else {
            panic!()
        };
        let consumer = &stats.data_consumers[0];
        assert_eq!((consumer.messages, consumer.dropped, consumer.buffered_amount), (1, 1, 0));
        assert_eq!((bench.counter("send_failed"), bench.counter("sctp_dropped")), (0, 0));
        assert!(bench.has_sctp(ann));
    }
}

#[test]
fn messages_survive_a_bad_path() {
    let mut bench = bench();
    let path = || PeerOptions::webrtc().data().path(Conditions::delay(ms(20)).loss(0.05));
    let (ann, bob) = (bench.peer_with(path()), bench.peer_with(path()));
    let chat = bench.data_producer(ann, 1);
    bench.consume_data(bob, chat, 1);
    for number in 0..200 {
        bench.send_data(ann, 1, ppid::STRING, format!("{number} {}", "x".repeat(2000)).as_bytes());
        bench.advance(ms(10));
    }
    bench.advance(seconds(60));
    let numbers: Vec<usize> = bench
        .take_data(bob)
        .iter()
        .map(|message| {
            std::str::from_utf8(&message.payload).unwrap().split(' ').next().unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn sctp_goes_beside_plain_rtp_and_a_peer_is_learnt_from_it() {
    for comedia in [false, true] {
        let mut bench = bench();
        let options = || if comedia { PeerOptions::plain().comedia() } else { PeerOptions::plain() };
        let (ann, bob) = (bench.peer_with(options().data()), bench.peer_with(PeerOptions::plain().data()));
        let chat = bench.data_producer(ann, 0);
        bench.consume_data(bob, chat, 0);
        bench.send_data(ann, 0, ppid::STRING, b"plain");
        bench.advance(seconds(1));
        assert_eq!(bench.take_data(bob), [text(0, "plain")]);
        assert!(bench.transport_stats(ann).tuple.unwrap().remote.is_some());
        assert_eq!(bench.transport_stats(ann).sctp_state, Some(SctpState::Connected));
    }
}

#[test]
fn sctp_of_others_or_on_a_transport_without_it_makes_nothing() {
    let mut bench = bench();
    let (with, without) = (bench.peer_with(PeerOptions::plain().data()), bench.peer());
    let packet = [0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4];
    bench.send_raw(without, &packet);
    bench.send_raw(with, &packet);
    assert_eq!(bench.counter("sctp_refused"), 1);
    assert_eq!(bench.counter("unknown_protocol"), 1, "its checksum is wrong");
    assert_eq!(bench.counter("sctp_taken"), 0);
    assert_eq!(bench.transport_stats(with).sctp_state, Some(SctpState::New));
}

#[test]
fn signaling_speaks_and_listens_on_a_direct_transport() {
    let mut bench = bench();
    let direct = bench.direct_transport();
    let ann = bench.peer_with(PeerOptions::webrtc().data());
    let bot = bench.data_producer_on(direct, DataPath::Direct);
    bench.consume_data(ann, bot, 2);
    let chat = bench.data_producer(ann, 1);
    let ear = bench.try_data_consumer(direct, chat, DataPath::Direct, &[]).unwrap();
    bench.send_direct(bot, said("from the server"));
    bench.send_direct(bot, OutgoingData { ppid: ppid::STRING_EMPTY, ..said("") });
    bench.send_data(ann, 1, ppid::STRING, b"to the server");
    bench.send_data(ann, 1, ppid::BINARY_EMPTY, &[0]);
    bench.advance(seconds(1));
    let empty = ReceivedData { stream: 2, ppid: ppid::STRING_EMPTY, payload: vec![0] };
    assert_eq!(bench.take_data(ann), [text(2, "from the server"), empty]);
    let nothing = ReceivedData { stream: 0, ppid: ppid::BINARY_EMPTY, payload: vec![] };
    assert_eq!(bench.take_direct(), [(ear, text(0, "to the server")), (ear, nothing)]);
    let error = bench.try_command(Command::SendToDataConsumer {
        data_consumer: ear,
        ppid: ppid::STRING,
        payload: "x".into(),
    });
    assert!(error.is_err(), "signaling does not send to itself");
    let long = OutgoingData { payload: vec![0; 262_145].into(), ..said("") };
    assert!(bench.try_command(Command::SendData { data_producer: bot, message: long }).is_err());
    assert!(bench.try_data_producer(direct, DataPath::Sctp(testing::stream(1))).is_err());
    let transport = bench.transport(ann);
    assert!(bench.try_data_producer(transport, DataPath::Direct).is_err());
    assert!(bench.try_data_producer(transport, DataPath::Sctp(testing::stream(1))).is_err(), "taken");
}

#[test]
fn subchannels_choose_among_listeners_and_may_change() {
    let mut bench = bench();
    let direct = bench.direct_transport();
    let bot = bench.data_producer_on(direct, DataPath::Direct);
    let mut listen =
        |subchannels: &[u16]| bench.try_data_consumer(direct, bot, DataPath::Direct, subchannels).unwrap();
    let (none, one, both) = (listen(&[]), listen(&[1]), listen(&[1, 2]));
    let mut heard = |message: OutgoingData| {
        bench.send_direct(bot, message);
        bench.take_direct().into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(heard(said("all")), [none, one, both]);
    assert_eq!(heard(OutgoingData { subchannels: vec![2, 9], ..said("2") }), [both]);
    assert_eq!(
        heard(OutgoingData { subchannels: vec![1], required_subchannel: Some(2), ..said("") }),
        [both]
    );
    assert_eq!(heard(OutgoingData { ignored_subchannel: Some(2), ..said("") }), [none, one]);
    let add = Command::AddSubchannel { data_consumer: none, subchannel: 9 };
    assert_eq!(bench.command(add), Reply::Subchannels(vec![9]));
    let set = Command::SetSubchannels { data_consumer: one, subchannels: vec![4, 3, 4] };
    assert_eq!(bench.command(set), Reply::Subchannels(vec![3, 4]));
    let remove = Command::RemoveSubchannel { data_consumer: both, subchannel: 2 };
    assert_eq!(bench.command(remove), Reply::Subchannels(vec![1]));
    bench.send_direct(bot, OutgoingData { subchannels: vec![2, 9], ..said("") });
    assert_eq!(bench.take_direct().len(), 1);
}

#[test]
fn what_is_paused_passes_nothing() {
    let mut bench = bench();
    let direct = bench.direct_transport();
    let bot = bench.data_producer_on(direct, DataPath::Direct);
    let ear = bench.try_data_consumer(direct, bot, DataPath::Direct, &[]).unwrap();
    let say = |bench: &mut Bench<Nil>| {
        bench.send_direct(bot, said("?"));
        bench.take_direct().len()
    };
    assert_eq!(say(&mut bench), 1);
    bench.command(Command::PauseDataProducer(bot));
    assert_eq!(say(&mut bench), 0);
    assert!(bench.events_of(ear).contains(&EventBody::Paused { by_producer: true }));
    bench.command(Command::ResumeDataProducer(bot));
    bench.command(Command::PauseDataConsumer(ear));
    assert_eq!(say(&mut bench), 0);
    bench.command(Command::ResumeDataConsumer(ear));
    assert_eq!(say(&mut bench), 1);
    let Reply::Stats(stats) = bench.command(Command::Stats(Target::Worker)) else { panic!() };
    assert_eq!((stats.data_producers[0].messages, stats.data_consumers[0].messages), (4, 2));
}

#[test]
fn a_data_channel_is_closed_from_either_end() {
    let mut bench = bench();
    let (ann, bob) =
        (bench.peer_with(PeerOptions::webrtc().data()), bench.peer_with(PeerOptions::webrtc().data()));
    let chat = bench.data_producer(ann, 1);
    let first = bench.consume_data(bob, chat, 1);
    let second = bench.consume_data(bob, chat, 2);
    bench.advance(seconds(1));
    bench.send_data(ann, 1, ppid::STRING, b"one");
    bench.advance(ms(500));
    // The listener closes its channel.
    bench.close_stream(bob, 1);
    bench.advance(seconds(2));
    assert!(bench.events_of(first).contains(&EventBody::Closed(CloseReason::Peer)));
    assert!(bench.try_command(Command::PauseDataConsumer(first)).is_err());
    // Signaling closes the other one, and its stream can be had again.
    bench.command(Command::CloseDataConsumer(second));
    bench.advance(seconds(2));
    assert!(bench.resets(bob).contains(&2));
    bench.consume_data(bob, chat, 2);
    bench.take_data(bob);
    bench.send_data(ann, 1, ppid::STRING, b"two");
    bench.advance(seconds(2));
    assert_eq!(bench.take_data(bob), [text(2, "two")]);
    bench.command(Command::CloseDataProducer(chat));
    bench.advance(seconds(2));
    assert!(bench.resets(ann).contains(&1));
    let Reply::Stats(stats) = bench.command(Command::Stats(Target::Worker)) else { panic!() };
    assert!(stats.data_consumers.is_empty() && stats.data_producers.is_empty());
}

#[test]
fn a_full_buffer_and_its_draining_are_events() {
    let mut bench = bench();
    let slow = Conditions::delay(ms(200));
    let ann = bench.peer_with(PeerOptions::webrtc().data().path(slow));
    let direct = bench.direct_transport();
    let bot = bench.data_producer_on(direct, DataPath::Direct);
    let listener = bench.consume_data(ann, bot, 1);
    bench.advance(seconds(5));
    let send = |bench: &mut Bench<Nil>| {
        let payload = vec![1; 200_000].into();
        let command = Command::SendToDataConsumer { data_consumer: listener, ppid: ppid::BINARY, payload };
        bench.try_command(command)
    };
    bench.command(Command::SetBufferedAmountLowThreshold { data_consumer: listener, threshold: 500_000 });
    let Ok(Reply::BufferedAmount(waiting)) = send(&mut bench) else { panic!() };
    assert!(waiting > 100_000);
    let taken = (0..20).take_while(|_| send(&mut bench).is_ok()).count();
    assert!((8..12).contains(&taken), "two million bytes may wait: {taken}");
    assert!(bench.events_of(listener).contains(&EventBody::SendBufferFull));
    assert!(SctpOptions::default().send_buffer_size == 2_000_000);
    bench.advance(seconds(60));
    let low = |event: &EventBody| matches!(event, EventBody::BufferedAmountLow { buffered_amount } if *buffered_amount <= 500_000);
    assert!(bench.events_of(listener).iter().any(low));
    assert_eq!(bench.take_data(ann).len(), taken + 1);
    assert_eq!(bench.command(Command::BufferedAmount(listener)), Reply::BufferedAmount(0));
}

/// Says everything once more.
#[derive(Default)]
struct Echo;

#[plugin(id = "echo", on_panic = "forward")]
impl Plugin for Echo {
    type DataProducer = ();
    fn data_producer_opened(
        &mut self,
        _: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        Attach::On(())
    }
    fn data_in(&mut self, _: &mut (), msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict {
        let to = msg.to().iter().next();
        if let Some(to) = to {
            cx.data_consumer(to).send(msg.ppid(), msg.payload()).expect("the queue is empty in each turn");
        }
        Verdict::Forward
    }
}

#[test]
fn a_plugin_may_send_for_ever_what_one_turn_has_room_for() {
    let mut bench = Bench::of::<Echo>();
    let direct = bench.direct_transport();
    let bot = bench.data_producer_on(direct, DataPath::Direct);
    bench.try_data_consumer(direct, bot, DataPath::Direct, &[]).unwrap();
    for _ in 0..30 {
        bench.send_direct(bot, said(&"x".repeat(100_000)));
    }
    assert_eq!((bench.take_direct().len(), bench.faults()), (60, vec![]));
}

/// Censors on the way in, chooses who hears what, marks on the way out, and answers.
#[derive(Default)]
struct Chat {
    seen: Vec<String>,
    log: Vec<&'static str>,
    ready: u32,
}

#[plugin(id = "chat", on_panic = "drop")]
impl Plugin for Chat {
    type DataProducer = sfu_core::control::DataProducerId;
    type DataConsumer = sfu_core::control::DataConsumerId;
    type Request = serde_json::Value;

    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<Self::DataProducer> {
        assert_eq!(info.label, "chat");
        Attach::On(info.id)
    }

    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<Self::DataConsumer> {
        Attach::On(info.id)
    }

    fn data_producer_closed(
        &mut self,
        _: sfu_core::control::DataProducerId,
        _: Self::DataProducer,
        _: &mut Cx<'_>,
    ) {
        self.log.push("producer");
    }

    fn data_consumer_closed(
        &mut self,
        id: sfu_core::control::DataConsumerId,
        _: Self::DataConsumer,
        cx: &mut Cx<'_>,
    ) {
        self.log.push(if cx.view().data_consumer(id).is_some() { "consumer" } else { "unseen consumer" });
    }

    fn data_in(
        &mut self,
        st: &mut Self::DataProducer,
        msg: &mut DataMessage<'_>,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let said = String::from_utf8_lossy(msg.payload()).into_owned();
        self.seen.push(said.clone());
        match &said[..] {
            "drop" => return Verdict::Drop,
            "inject" => {
                cx.data_producer(*st).inject(ppid::STRING, b"injected").unwrap();
            }
            "answer" => {
                let first = msg.to().iter().next().unwrap();
                cx.data_consumer(first).send_text("only for you").unwrap();
                msg.to().clear();
            }
            "last" => {
                let last = msg.to().iter().last().unwrap();
                msg.to().retain(|id| id == last);
            }
            "shout" => msg.payload_mut().make_ascii_uppercase(),
            _ => {}
        }
        Verdict::Forward
    }

    fn data_out(&mut self, _: &mut Self::DataConsumer, msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        assert_eq!(msg.to().len(), 1);
        if msg.payload() == b"silent" {
            return Verdict::Drop;
        }
        if msg.payload() == b"mark" {
            msg.payload_mut().push(b'!');
        }
        Verdict::Forward
    }

    fn data_ready(&mut self, _: &mut Self::DataConsumer, _: &mut Cx<'_>) {
        self.ready += 1;
    }

    fn request(
        &mut self,
        _: Self::Request,
        _: Target,
        re: sfu_core::plugin::Responder,
        _: &mut sfu_core::plugin::Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        re.ok(serde_json::json!({ "seen": self.seen, "log": self.log, "ready": self.ready }));
    }
}

#[test]
fn hooks_edit_messages_and_recipients_and_send_their_own() {
    let mut bench = Bench::of::<Chat>();
    let peers: Vec<_> = (0..3).map(|_| bench.peer_with(PeerOptions::webrtc().data())).collect();
    let [ann, bob, cid] = peers[..] else { panic!() };
    let chat = bench.data_producer(ann, 1);
    bench.consume_data(bob, chat, 1);
    bench.consume_data(cid, chat, 1);
    bench.advance(seconds(1));
    let mut say = |what: &str| {
        bench.send_data(ann, 1, ppid::STRING, what.as_bytes());
        bench.advance(ms(500));
        let mut heard = |peer| {
            let all = bench.take_data(peer).into_iter();
            all.map(|message| String::from_utf8(message.payload).unwrap()).collect::<Vec<_>>()
        };
        (heard(bob), heard(cid))
    };
    let only = |text: &str| vec![text.to_owned()];
    let nothing = Vec::<String>::new;
    assert_eq!(say("plain"), (only("plain"), only("plain")));
    assert_eq!(say("drop"), (nothing(), nothing()));
    assert_eq!(say("shout"), (only("SHOUT"), only("SHOUT")));
    assert_eq!(say("last"), (nothing(), only("last")));
    assert_eq!(say("answer"), (only("only for you"), nothing()));
    assert_eq!(say("silent"), (nothing(), nothing()));
    assert_eq!(say("mark"), (only("mark!"), only("mark!")));
    let both = || vec!["inject".to_owned(), "injected".to_owned()];
    assert_eq!(say("inject"), (both(), both()));
    let answer = bench.request("chat", chat, serde_json::json!({})).unwrap();
    let seen = answer["seen"].as_array().unwrap();
    assert!(!seen.iter().any(|seen| seen == "injected"), "an injector does not see what it injects");
    let Reply::Stats(stats) = bench.command(Command::Stats(Target::DataProducer(chat))) else { panic!() };
    assert_eq!(stats.data_producers[0].dropped_by_plugins, 1);
    assert_eq!(stats.data_consumers[0].dropped_by_plugins, 1);
}

#[test]
fn plugins_see_data_consumers_end_before_their_data_producer_and_hear_of_room() {
    let mut bench = Bench::of::<Chat>();
    let slow = Conditions::delay(ms(100));
    let (ann, bob) = (
        bench.peer_with(PeerOptions::webrtc().data()),
        bench.peer_with(PeerOptions::webrtc().data().path(slow)),
    );
    let chat = bench.data_producer(ann, 1);
    let first = bench.consume_data(bob, chat, 1);
    bench.consume_data(bob, chat, 2);
    bench.advance(seconds(5));
    for _ in 0..30 {
        let payload = vec![1; 200_000].into();
        let _ = bench.try_command(Command::SendToDataConsumer { data_consumer: first, ppid: 53, payload });
    }
    bench.advance(seconds(60));
    bench.close_stream(bob, 2);
    bench.advance(seconds(2));
    let transport = bench.transport(ann);
    bench.close(transport);
    let answer = bench.request("chat", Target::Worker, serde_json::json!({})).unwrap();
    let answer = &answer[0];
    assert_eq!(answer["ready"], 1);
    assert_eq!(answer["log"], serde_json::json!(["consumer", "consumer", "producer"]));
}
