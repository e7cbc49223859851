//! Who gets what, in virtual time, with one media thread and with two.
mod chat;

use std::time::Duration;

use chat::{Chat, Peer};
use sfu_core::control::{
    Command, CreateSession, DataPath, Labels, PipeTransportOptions, Reply, SctpOptions, Target,
};
use sfu_core::plugin::{Cons, Nil, ppid};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Build, Conditions, PeerOptions, conformance, stream};
use sfu_data_router::DataRouter;

type Alone = Chat<Cons<DataRouter, Nil>>;

const SECOND: Duration = Duration::from_secs(1);

/// Chats with one media thread and with two, with fields of the plugin's table.
fn chats_with(table: Value) -> impl Iterator<Item = Alone> {
    [1, 2].into_iter().map(move |workers| {
        let mut table = table.clone();
        table["enabled"] = true.into();
        let config = json!({ "data-router": table });
        Chat { bench: Build::of::<DataRouter>().workers(workers).config(config).start() }
    })
}

fn chats() -> impl Iterator<Item = Alone> {
    chats_with(json!({}))
}

fn trio(chat: &mut Alone) -> [Peer; 3] {
    ["ann", "bob", "cat"].map(|name| chat.peer("studio", name))
}

fn from(name: &str, body: Value) -> Value {
    json!({ "v": 1, "from": name, "body": body })
}

/// The kinds of the errors in a list of messages.
fn errors(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|message| message["error"].as_str()).collect()
}

#[test]
fn an_envelope_reaches_exactly_whom_it_names() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        for peer in [ann, cat] {
            chat.say(peer, r#"{"v":1,"join":"band"}"#);
            chat.say(peer, r#"{"v":1,"subscribe":"news"}"#);
        }
        let [told, _, _] = chat.texts([ann, bob, cat]);
        let done = |what: &str, name: &str| json!({ "v": 1, "done": what, "name": name });
        assert_eq!(told, [done("join", "band"), done("subscribe", "news")]);
        let mut say = |who: Peer, to: &str| {
            chat.say(who, &format!(r#"{{"v":1,"to":{to},"body":{{"x":[1,"}}"]}}}}"#));
            chat.texts([ann, bob, cat])
        };
        let body = || json!({ "x": [1, "}"] });
        let none = Vec::new;
        assert_eq!(say(bob, r#"{"peer":"ann"}"#), [vec![from("bob", body())], none(), none()]);
        assert_eq!(say(bob, r#"{"peer":"bob"}"#), [none(), vec![from("bob", body())], none()]);
        let one = || vec![from("ann", body())];
        assert_eq!(say(ann, r#"{"peers":["cat","bob","cat"]}"#), [none(), one(), one()]);
        assert_eq!(say(ann, r#""others""#), [none(), one(), one()]);
        let circled = |name: &str, what: &str, circle: &str| {
            vec![json!({ "v": 1, "from": name, what: circle, "body": body() })]
        };
        let group = |name| circled(name, "group", "band");
        assert_eq!(say(bob, r#"{"group":"band"}"#), [group("bob"), none(), group("bob")]);
        assert_eq!(say(ann, r#"{"group":"band"}"#), [none(), none(), group("ann")]);
        let topic = circled("bob", "topic", "news");
        assert_eq!(say(bob, r#"{"topic":"news"}"#), [topic.clone(), none(), topic]);
        assert_eq!(say(bob, r#"{"topic":"silence"}"#), [none(), none(), none()]);
        assert_eq!((chat.figure("routed"), chat.figure("delivered")), (7, 11));
        assert_eq!((chat.figure("dropped_nobody"), chat.figure("controls")), (1, 4));
        assert_eq!((chat.figure("peers"), chat.figure("groups"), chat.figure("topics")), (3, 1, 1));
    }
}

#[test]
fn a_header_reaches_exactly_whom_it_names() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        for peer in [ann, cat] {
            chat.say_bytes(peer, b"\xd1\x10\x04band");
            chat.say_bytes(peer, b"\xd1\x12\x04news");
        }
        let [told, _, _] = chat.bytes([ann, bob, cat]);
        assert_eq!(told, [b"\xd1\xe1\x10\x04band", b"\xd1\xe1\x12\x04news"]);
        let mut say = |who: Peer, message: &[u8]| {
            chat.say_bytes(who, message);
            chat.bytes([ann, bob, cat])
        };
        let one = |message: &[u8]| vec![message.to_vec()];
        let none = Vec::new;
        assert_eq!(say(bob, b"\xd1\x01\x03ann\x00\xff"), [one(b"\xd1\x81\x03bob\x00\xff"), none(), none()]);
        let listed = one(b"\xd1\x82\x03ann!");
        assert_eq!(say(ann, b"\xd1\x02\x02\x03cat\x03bob!"), [none(), listed.clone(), listed]);
        let grouped = one(b"\xd1\x83\x03bob\x04band!");
        assert_eq!(say(bob, b"\xd1\x03\x04band!"), [grouped.clone(), none(), grouped]);
        let all = one(b"\xd1\x84\x03cat");
        assert_eq!(say(cat, b"\xd1\x04"), [all.clone(), all, none()]);
        assert_eq!(say(ann, b"\xd1\x05\x04news?"), [none(), none(), one(b"\xd1\x85\x03ann\x04news?")]);
        // Long payloads move as a whole.
        let long: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let [heard, _, _] = say(bob, &[b"\xd1\x01\x03ann", &long[..]].concat());
        assert_eq!(heard, [[b"\xd1\x81\x03bob", &long[..]].concat()]);
    }
}

#[test]
fn plain_messages_go_on_as_they_are_or_end_here() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        let listener =
            chat.bench.try_data_consumer(bob.transport, ann.speaks, DataPath::Direct, &[]).unwrap();
        chat.say(ann, "hello");
        chat.say_bytes(ann, b"\x01bytes");
        chat.say(cat, r#"{"to":"others","v":1,"body":"the version has to come first"}"#);
        let heard = chat.heard();
        let plain = [(ppid::STRING, b"hello".to_vec()), (ppid::BINARY, b"\x01bytes".to_vec())];
        assert_eq!((&heard[&ann.hears][..], &heard[&listener][..]), (&plain[..], &plain[..]));
        assert!(!heard.contains_key(&bob.hears));
        assert_eq!(chat.figure("plain"), 3);
    }
    for mut chat in chats_with(json!({ "options": { "plain": "drop" } })) {
        let [ann, ..] = trio(&mut chat);
        chat.say(ann, "hello");
        chat.say_bytes(ann, b"");
        assert!(chat.heard().is_empty());
        assert_eq!((chat.figure("plain"), chat.figure("dropped_plain")), (0, 2));
    }
}

#[test]
fn who_names_nobody_is_told_and_who_can_be_reached_gets_it_all_the_same() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        let mute = chat.transport(&[("room", "studio"), ("user", "mute")], None);
        chat.bench.data_producer_on(mute, DataPath::Direct);
        chat.say(ann, r#"{"v":1,"to":{"peers":["bob","z\u0065d","nobody"]},"body":1}"#);
        chat.say(ann, r#"{"v":1,"to":{"peer":"mute"},"body":1}"#);
        chat.say(ann, r#"{"v":1,"to":{"group":"band"},"body":1}"#);
        let [told, heard, _] = chat.texts([ann, bob, cat]);
        assert_eq!(errors(&told), ["unknown-peer", "unreachable", "unknown-group"]);
        assert_eq!((&told[0]["name"], &told[1]["name"]), (&json!("zed"), &json!("mute")));
        assert_eq!(heard, [from("ann", json!(1))]);
        chat.say_bytes(ann, b"\xd1\x01\x03zed");
        let [told] = chat.bytes([ann]);
        assert!(told[0].starts_with(b"\xd1\xe0\x03\x03zed"), "{told:?}");
        assert_eq!((chat.figure("dropped_unknown"), chat.figure("dropped_unreachable")), (3, 1));
        assert_eq!(chat.figure("errors_sent"), 4);
    }
}

#[test]
fn malformed_messages_are_told_a_few_times_a_second_and_counted_always() {
    for mut chat in chats_with(json!({ "errors_per_second": 5 })) {
        let [ann, bob, _] = trio(&mut chat);
        for text in [r#"{"v":1,"to":"others"}"#, r#"{"v":2}"#] {
            chat.say(ann, text);
        }
        chat.say_bytes(ann, b"\xd1\x01");
        let mut heard = chat.heard();
        let heard = heard.remove(&ann.hears).unwrap();
        let text = String::from_utf8_lossy(&heard[0].1);
        assert!(text.starts_with(r#"{"v":1,"error":"malformed","text":""#), "{text}");
        assert!(String::from_utf8_lossy(&heard[1].1).contains(r#""error":"version""#));
        assert!(heard[2].1.starts_with(b"\xd1\xe0\x01\x00"));
        for _ in 0..100 {
            chat.say(ann, r#"{"v":1}"#);
        }
        // Others are heard of all the same.
        chat.say(bob, r#"{"v":1}"#);
        let [told, others] = chat.texts([ann, bob]);
        assert_eq!((told.len(), others.len()), (2, 1));
        chat.bench.advance(SECOND);
        chat.say(ann, r#"{"v":1}"#);
        assert_eq!(chat.texts([ann])[0].len(), 1);
        assert_eq!((chat.figure("dropped_malformed"), chat.figure("errors_sent")), (105, 7));
        assert_eq!(chat.figure("errors_withheld"), 98);
    }
}

#[test]
fn what_is_more_than_a_peer_may_send_is_dropped_and_told_once_a_second() {
    let options = json!({ "messages_per_second": 10, "bytes_per_second": 10_000, "burst_ms": 2000 });
    for mut chat in chats_with(json!({ "options": options })) {
        let [ann, bob, cat] = trio(&mut chat);
        let mut got = 0;
        let mut told = 0;
        for _ in 0..300 {
            chat.say(ann, r#"{"v":1,"to":{"peer":"bob"},"body":0}"#);
            chat.bench.advance(Duration::from_millis(10));
            let [mine, theirs] = chat.texts([ann, bob]);
            got += theirs.len();
            assert!(errors(&mine).iter().all(|error| *error == "rate"));
            told += mine.len();
        }
        // Two seconds' worth at once, and three seconds.
        assert!((48..=50).contains(&got), "{got}");
        assert!((2..=3).contains(&told), "{told}");
        assert_eq!(chat.figure("dropped_rate"), 300 - got as u64);
        // Another peer has what is its own; bytes count, too.
        let long = format!(r#"{{"v":1,"to":{{"peer":"bob"}},"body":"{}"}}"#, "x".repeat(6000));
        for _ in 0..4 {
            chat.say(cat, &long);
        }
        let [theirs, mine] = chat.texts([bob, cat]);
        assert_eq!((theirs.len(), errors(&mine)), (3, vec!["rate"]));
    }
}

#[test]
fn groups_and_topics_have_limits_and_end_with_their_last_member() {
    let limits =
        json!({ "peer_groups": 2, "room_groups": 3, "peer_topics": 1, "room_topics": 1, "name_bytes": 5 });
    for mut chat in chats_with(limits) {
        let [ann, bob, _] = trio(&mut chat);
        let mut say = |who: Peer, wish: &str, name: &str| {
            chat.say(who, &format!(r#"{{"v":1,"{wish}":"{name}"}}"#));
            let [told] = chat.texts([who]);
            told[0]["error"].as_str().or(told[0]["done"].as_str()).unwrap().to_owned()
        };
        assert_eq!(say(ann, "join", "a"), "join");
        assert_eq!(say(ann, "join", "a"), "join", "once more is no more");
        assert_eq!(say(ann, "join", "b"), "join");
        assert_eq!(say(ann, "join", "c"), "limit", "two for each");
        assert_eq!(say(bob, "join", "c"), "join");
        assert_eq!(say(bob, "join", "d"), "limit", "three for the room");
        assert_eq!(say(bob, "join", "a"), "join", "it is there already");
        assert_eq!(say(ann, "leave", "nowhere"), "leave");
        assert_eq!(say(ann, "leave", "b"), "leave");
        assert_eq!(say(ann, "join", "d"), "join", "b ended with its last member");
        assert_eq!(say(ann, "subscribe", "toolong"), "limit");
        assert_eq!(say(ann, "subscribe", "t"), "subscribe");
        assert_eq!(say(bob, "subscribe", "u"), "limit");
        assert_eq!(say(ann, "unsubscribe", "t"), "unsubscribe");
        assert_eq!(say(bob, "subscribe", "u"), "subscribe");
        assert_eq!((chat.figure("groups"), chat.figure("topics")), (3, 1));
        // A peer that leaves takes its places with it.
        chat.bench.close(ann.transport);
        assert_eq!((chat.figure("groups"), chat.figure("dropped_limit")), (2, 4));
        let answer = chat.bench.request("data-router", bob.transport, json!({ "method": "groups" })).unwrap();
        let named: Vec<_> = answer["groups"].as_array().unwrap().iter().map(|it| &it["members"]).collect();
        assert_eq!(named, [&json!(["bob"]); 3], "{answer}");
    }
}

#[test]
fn who_asked_is_told_who_comes_and_goes() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        chat.say(ann, r#"{"v":1,"presence":true}"#);
        let [list] = chat.texts([ann]);
        assert_eq!(list, [json!({ "v": 1, "you": "ann", "present": ["ann", "bob", "cat"] })]);
        chat.say_bytes(bob, b"\xd1\x14\x01");
        assert_eq!(chat.bytes([bob])[0], [b"\xd1\xe2\x03bob\x00\x03\x03ann\x03bob\x03cat"]);
        chat.bench.close(cat.transport);
        chat.peer("elsewhere", "eve");
        let dan = chat.peer("studio", "dan");
        chat.bench.advance(SECOND);
        let mut heard = chat.heard();
        let (text, bytes) = (heard.remove(&ann.hears).unwrap(), heard.remove(&bob.hears).unwrap());
        assert!(heard.is_empty(), "{heard:?}");
        let said: Vec<String> =
            text.iter().map(|(_, said)| String::from_utf8_lossy(said).into_owned()).collect();
        assert_eq!(said, [r#"{"v":1,"joined":[],"left":["cat"]}"#, r#"{"v":1,"joined":["dan"],"left":[]}"#]);
        assert_eq!(bytes[0].1, b"\xd1\xe3\x00\x01\x03cat");
        chat.say(ann, r#"{"v":1,"presence":false}"#);
        assert_eq!(chat.texts([ann])[0], [json!({ "v": 1, "done": "presence" })]);
        chat.bench.close(dan.transport);
        chat.bench.advance(SECOND);
        assert_eq!(chat.bytes([ann, bob]), [vec![], vec![b"\xd1\xe3\x00\x01\x03dan".to_vec()]]);
    }
}

#[test]
fn in_a_large_room_all_who_watch_hear_of_everybody_though_not_in_one_turn() {
    for mut chat in chats_with(json!({ "room_watchers": 1500, "options": { "messages_per_second": 0 } })) {
        let watchers: Vec<Peer> = (0..1201).map(|n| chat.peer("hall", &format!("peer {n}"))).collect();
        for watcher in watchers.iter().rev() {
            chat.say(*watcher, r#"{"v":1,"presence":true}"#);
        }
        let heard = chat.heard();
        assert_eq!(heard.len(), 1201, "{:?}", chat.bench.stats("data-router"));
        for watcher in &watchers {
            let lists: Vec<Value> = heard[&watcher.hears]
                .iter()
                .map(|(_, list)| sfu_core::serde_json::from_slice(list).unwrap())
                .collect();
            let names: usize = lists.iter().map(|list| list["present"].as_array().unwrap().len()).sum();
            let more: Vec<bool> = lists.iter().map(|list| list["more"] == true).collect();
            assert_eq!((names, more.len(), more.iter().filter(|more| **more).count()), (1201, 13, 12));
        }
        chat.peer("hall", "the last");
        chat.bench.advance(SECOND);
        let heard = chat.heard();
        assert_eq!(heard.len(), 1201);
        assert!(heard.values().all(|news| news.len() == 1), "each is told once");
        assert_eq!(chat.figure("notices_lost"), 0);
    }
}

#[test]
fn rooms_and_channels_are_apart() {
    for mut chat in chats_with(json!({ "options": { "peer_label": "nick", "room_label": "table" } })) {
        let ann = chat.labelled(&[("nick", "ann"), ("table", "1")]);
        let bob = chat.labelled(&[("nick", "bob"), ("table", "1")]);
        let other = chat.labelled(&[("nick", "bob"), ("table", "2")]);
        chat.say(ann, r#"{"v":1,"to":{"peer":"bob"},"body":1}"#);
        chat.say(other, r#"{"v":1,"to":"others","body":1}"#);
        assert_eq!(chat.texts([bob, other]), [vec![from("ann", json!(1))], vec![]]);
        assert_eq!(chat.figure("rooms"), 2);
    }
    for mut chat in chats_with(json!({ "options": { "channel": "control" } })) {
        // The bench labels its channels `chat`.
        let [ann, ..] = trio(&mut chat);
        chat.say(ann, r#"{"v":1,"to":"others","body":1}"#);
        assert_eq!(chat.heard()[&ann.hears].len(), 1, "as without the plugin");
        assert_eq!(chat.figure("peers"), 0);
    }
}

#[test]
fn who_has_no_name_is_called_after_the_session_or_transport() {
    for mut chat in chats() {
        let worker = chat.bench.workers() - 1;
        let create = CreateSession { signaling: "test".into(), labels: Labels::new() };
        let session = match chat.bench.command_on(worker, Command::CreateSession(create)) {
            Ok(Reply::Session(id)) => id,
            other => panic!("{other:?}"),
        };
        let transport = chat.transport(&[], Some(session));
        let with_session = chat.on(transport);
        let alone = chat.labelled(&[]);
        let named = format!("transport:{}", alone.transport);
        chat.say(with_session, &format!(r#"{{"v":1,"to":{{"peer":"{named}"}},"body":1}}"#));
        let expected = from(&format!("session:{session}"), json!(1));
        assert_eq!(chat.texts([alone, with_session]), [vec![expected], vec![]]);
    }
}

#[test]
fn a_peer_hears_once_on_each_device_and_of_errors_on_its_own() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        let phone = chat.peer("studio", "ann");
        // One transport to send and one to receive, as browsers of mediasoup have them.
        let sending = chat.transport(&[("room", "studio"), ("user", "dan")], None);
        let speaks = chat.bench.data_producer_on(sending, DataPath::Direct);
        let receiving = chat.transport(&[("room", "studio"), ("user", "dan")], None);
        let first = chat.bench.try_data_consumer(receiving, ann.speaks, DataPath::Direct, &[]).unwrap();
        let second = chat.bench.try_data_consumer(receiving, bob.speaks, DataPath::Direct, &[]).unwrap();
        let dan = Peer { transport: sending, speaks, hears: first };
        let behind = Peer { hears: second, ..dan };
        assert_eq!(chat.figure("peers"), 4);
        chat.say(bob, r#"{"v":1,"to":{"peers":["ann","dan"]},"body":1}"#);
        let once = || vec![from("bob", json!(1))];
        assert_eq!(chat.texts([ann, phone, dan]), [once(), once(), once()]);
        chat.say(phone, r#"{"v":1,"to":{"peer":"zed"},"body":1}"#);
        chat.say(dan, r#"{"v":1,"to":{"peer":"zed"},"body":1}"#);
        let [phone_told, dan_told] = chat.texts([phone, dan]);
        assert_eq!((errors(&phone_told), errors(&dan_told)), (vec!["unknown-peer"], vec!["unknown-peer"]));
        // Who is everybody but me has no other device of mine.
        chat.say(ann, r#"{"v":1,"to":"others","body":2}"#);
        assert_eq!(chat.texts([bob, cat, dan]).map(|heard| heard.len()), [1, 1, 1]);
        // Where the first ear goes the next one takes its place.
        chat.bench.command(Command::CloseDataConsumer(first));
        chat.say(bob, r#"{"v":1,"to":{"peer":"dan"},"body":1}"#);
        assert_eq!(chat.texts([behind]), [once()]);
    }
}

#[test]
fn a_label_that_changes_moves_the_peer_within_a_second() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        let renamed = || Labels::new().with("room", "studio").with("user", "rob");
        chat.bench.set_labels(Target::DataProducer(bob.speaks), renamed());
        chat.bench.set_labels(Target::DataConsumer(bob.hears), renamed());
        chat.bench.advance(SECOND * 2);
        chat.say(bob, r#"{"v":1,"to":{"peer":"ann"},"body":1}"#);
        chat.say(ann, r#"{"v":1,"to":{"peer":"rob"},"body":2}"#);
        let heard = chat.texts([ann, bob, cat]);
        assert_eq!(heard, [vec![from("rob", json!(1))], vec![from("ann", json!(2))], vec![]]);
        assert_eq!(chat.figure("peers"), 3);
        let told: Vec<Value> = chat.bench.notices("data-router").split_off(3);
        let names: Vec<_> = told.iter().map(|told| (told["event"].as_str(), &told["peer"])).collect();
        assert!(names.contains(&(Some("data-router.left"), &json!("bob"))), "{told:?}");
        assert_eq!(names.len(), 2, "{told:?}");
    }
}

#[test]
fn administrators_see_peers_and_send_to_them() {
    for mut chat in chats() {
        let [ann, bob, cat] = trio(&mut chat);
        let eve = chat.peer("elsewhere", "eve");
        // Who hears ann by an ear of its own does not belong to her.
        chat.bench.try_data_consumer(bob.transport, ann.speaks, DataPath::Direct, &[]).unwrap();
        chat.say(bob, r#"{"v":1,"join":"band"}"#);
        chat.say(cat, r#"{"v":1,"subscribe":"news"}"#);
        chat.heard();
        let answer = chat.bench.request("data-router", ann.transport, json!({ "method": "peers" })).unwrap();
        let of_ann = &answer["peers"][0];
        assert_eq!((&of_ann["room"], &of_ann["peer"]), (&json!("studio"), &json!("ann")));
        assert_eq!(
            (&of_ann["inboxes"], &answer["peers"].as_array().map(Vec::len)),
            (&json!([ann.hears]), &Some(1))
        );
        // At no target each media thread answers for itself; all are on the last.
        let all = chat.bench.request("data-router", Target::Worker, json!({ "method": "peers" })).unwrap();
        let counts: Vec<usize> =
            all.as_array().unwrap().iter().map(|one| one["peers"].as_array().unwrap().len()).collect();
        assert_eq!(counts.iter().sum::<usize>(), 4);
        assert_eq!((counts.len(), counts.last()), (usize::from(chat.bench.workers()), Some(&4)));
        let skip = json!({ "method": "peers", "skip": 3 });
        let rest = chat.bench.request("data-router", Target::Worker, skip).unwrap();
        assert_eq!(rest[counts.len() - 1]["peers"].as_array().map(Vec::len), Some(1));
        let mut send = |at: Target, room: Value, to: Value| {
            let request = json!({ "method": "send", "room": room, "to": to, "body": { "hello": 1 } });
            let answer = chat.bench.request("data-router", at, request).unwrap();
            let delivered = match answer.as_array() {
                Some(all) => all.iter().map(|one| one["delivered"].as_u64().unwrap()).sum(),
                None => answer["delivered"].as_u64().unwrap(),
            };
            (delivered, chat.texts([ann, bob, cat, eve]).map(|heard| heard.len()))
        };
        let worker = || Target::Worker;
        assert_eq!(send(worker(), Value::Null, json!({ "peer": "ann" })), (1, [1, 0, 0, 0]));
        assert_eq!(send(worker(), Value::Null, json!({ "peers": ["ann", "eve"] })), (2, [1, 0, 0, 1]));
        assert_eq!(send(worker(), Value::Null, json!({ "group": "band" })), (1, [0, 1, 0, 0]));
        assert_eq!(send(worker(), Value::Null, json!({ "topic": "news" })), (1, [0, 0, 1, 0]));
        assert_eq!(send(worker(), json!("studio"), json!("all")), (3, [1, 1, 1, 0]));
        assert_eq!(send(eve.transport.into(), Value::Null, json!("all")), (1, [0, 0, 0, 1]));
        assert_eq!(send(worker(), Value::Null, json!({ "peer": "zed" })), (0, [0; 4]));
        let request = json!({ "method": "send", "to": { "group": "band" }, "body": null });
        chat.bench.request("data-router", bob.transport, request).unwrap();
        let expected = json!({ "v": 1, "from": "", "group": "band", "body": null });
        assert_eq!(chat.texts([bob]), [[expected]]);
    }
}

#[test]
fn who_comes_and_goes_is_an_event_so_many_times_a_second() {
    for mut chat in chats_with(json!({ "events_per_second": 4 })) {
        let [ann, ..] = trio(&mut chat);
        chat.bench.close(ann.transport);
        for n in 0..5 {
            chat.peer("studio", &n.to_string());
        }
        let notices = chat.bench.notices("data-router");
        let told: Vec<_> =
            notices.iter().map(|it| (it["event"].as_str().unwrap(), it["peer"].as_str().unwrap())).collect();
        let expected = [("joined", "ann"), ("joined", "bob"), ("joined", "cat"), ("left", "ann")];
        assert_eq!(
            told,
            expected.map(|(event, peer)| match event {
                "joined" => ("data-router.joined", peer),
                _ => ("data-router.left", peer),
            })
        );
        assert_eq!(chat.figure("events_withheld"), 5);
    }
}

#[test]
fn switched_on_late_it_knows_everybody_and_switched_off_it_leaves_messages_alone() {
    for workers in [1, 2] {
        let mut chat = Chat { bench: Build::of::<DataRouter>().workers(workers).start() };
        let [ann, bob, cat] = trio(&mut chat);
        let envelope = r#"{"v":1,"to":{"peer":"bob"},"body":1}"#;
        chat.say(ann, envelope);
        assert_eq!(chat.heard()[&ann.hears].len(), 1, "off by default");
        chat.bench.enable("data-router", Target::Worker, json!({})).unwrap();
        chat.say(ann, envelope);
        assert_eq!(chat.texts([ann, bob, cat]), [vec![], vec![from("ann", json!(1))], vec![]]);
        chat.bench.disable("data-router", Target::Worker).unwrap();
        chat.say(ann, envelope);
        assert_eq!(chat.heard()[&ann.hears], [(ppid::STRING, envelope.as_bytes().to_vec())]);
        assert_eq!(chat.figure("peers"), 0);
        assert_eq!(chat.figure("rooms"), 0);
    }
}

#[test]
fn data_channels_of_pipes_are_no_peers() {
    for mut chat in chats() {
        let [ann, ..] = trio(&mut chat);
        let router = chat.bench.router(chat.bench.workers() - 1);
        let labels = Labels::new().with("room", "studio").with("user", "pipe");
        let options =
            PipeTransportOptions { labels, sctp: Some(SctpOptions::default()), ..Default::default() };
        let created = match chat.bench.command(Command::CreatePipeTransport { router, options }) {
            Reply::PipeTransport(created) => created,
            other => panic!("{other:?}"),
        };
        chat.bench.data_producer_on(created.id, DataPath::Sctp(stream(1)));
        chat.bench.try_data_consumer(created.id, ann.speaks, DataPath::Sctp(stream(2)), &[]).unwrap();
        assert_eq!(chat.figure("peers"), 3);
        chat.say(ann, r#"{"v":1,"to":{"peer":"pipe"},"body":1}"#);
        assert_eq!(errors(&chat.texts([ann])[0]), ["unknown-peer"]);
    }
}

#[test]
fn browsers_reach_each_other_over_sctp() {
    for workers in [1, 2] {
        let config = json!({ "data-router": { "enabled": true } });
        let mut bench = Build::of::<DataRouter>().workers(workers).config(config).start();
        let path = Conditions::delay(Duration::from_millis(20)).loss(0.02);
        let [ann, bob] = ["ann", "bob"].map(|name| {
            let labels = Labels::new().with("room", "studio").with("user", name);
            bench.peer_with(PeerOptions::webrtc().data().path(path).labels(labels).worker(workers - 1))
        });
        for peer in [ann, bob] {
            let speaks = bench.data_producer(peer, 1);
            bench.consume_data(peer, speaks, 2);
        }
        for n in 0..50 {
            bench.send_data(
                ann,
                1,
                ppid::STRING,
                format!(r#"{{"v":1,"to":{{"peer":"bob"}},"body":{n}}}"#).as_bytes(),
            );
            bench.send_data(bob, 1, ppid::BINARY, &[b"\xd1\x04", &[n][..]].concat());
            bench.advance(Duration::from_millis(20));
        }
        bench.advance(SECOND * 20);
        let texts: Vec<String> =
            bench.take_data(bob).into_iter().map(|data| String::from_utf8(data.payload).unwrap()).collect();
        let expected: Vec<String> =
            (0..50).map(|n| format!(r#"{{"v":1,"from":"ann","body":{n}}}"#)).collect();
        assert_eq!(texts, expected);
        let bytes: Vec<Vec<u8>> = bench.take_data(ann).into_iter().map(|data| data.payload).collect();
        let expected: Vec<Vec<u8>> = (0..50).map(|n| [b"\xd1\x84\x03bob", &[n][..]].concat()).collect();
        assert_eq!(bytes, expected);
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_and_a_new_one_holds_at_once() {
    let start = |table: Value| Build::of::<DataRouter>().config(json!({ "data-router": table })).try_start();
    let error = start(json!({ "name_bytes": 0 })).err().expect("a name of no bytes").to_string();
    assert!(error.starts_with("plugins.data-router.name_bytes: "), "{error}");
    for mut chat in chats() {
        let [ann, ..] = trio(&mut chat);
        chat.bench.reconfigure("data-router", json!({ "enabled": true, "name_bytes": 2 })).unwrap();
        chat.say(ann, r#"{"v":1,"join":"abc"}"#);
        assert_eq!(errors(&chat.texts([ann])[0]), ["limit"]);
        assert!(chat.bench.reconfigure("data-router", json!({ "name_bytes": 0 })).is_err());
    }
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<DataRouter>();
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<DataRouter>(include_str!("../README.md"));
}
