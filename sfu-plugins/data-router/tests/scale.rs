//! Many peers and many messages: each reaches exactly whom it names, in the turn in which it came.
mod chat;

use std::collections::BTreeMap;
use std::time::Duration;

use chat::{Chat, Peer};
use sfu_core::control::Labels;
use sfu_core::plugin::{Cons, Nil, ppid};
use sfu_core::serde_json::json;
use sfu_core::testing::{Bench, Build, Conditions, PeerId, PeerOptions};
use sfu_data_router::DataRouter;

const PEERS: usize = 50;
const MESSAGES: usize = 100_000;

/// The same numbers every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn fifty_peers_get_what_is_for_them_and_nothing_else_in_the_turn_in_which_it_came() {
    for workers in [1, 2] {
        let options = json!({ "messages_per_second": 0, "bytes_per_second": 0 });
        let config = json!({ "data-router": { "enabled": true, "options": options } });
        let mut chat = Chat { bench: Build::of::<DataRouter>().workers(workers).config(config).start() };
        let peers: Vec<Peer> = (0..PEERS).map(|n| chat.peer("hall", &format!("p{n}"))).collect();
        // Every peer is in the group and the topic of its number by ten.
        for (n, peer) in peers.iter().enumerate() {
            chat.say(*peer, &format!(r#"{{"v":1,"join":"g{}"}}"#, n % 10));
            chat.say_bytes(*peer, &[b"\xd1\x12\x02t", &[b'0' + (n % 10) as u8][..]].concat());
        }
        chat.heard();
        let mut chance = Chance(7);
        let mut copies = 0;
        for number in 0..MESSAGES / usize::from(workers) {
            let sender = chance.below(PEERS);
            let (one, two, circle) = (chance.below(PEERS), chance.below(PEERS), chance.below(10));
            let of_circle = || (0..PEERS).filter(|n| n % 10 == circle && *n != sender).collect::<Vec<_>>();
            let is_text = chance.below(2) == 0;
            let (to, header, mut addressees) = match chance.below(5) {
                0 => (format!(r#"{{"peer":"p{one}"}}"#), name(1, &format!("p{one}")), vec![one]),
                1 => {
                    let list = [name(2, &format!("p{one}")), name(2, &format!("p{two}"))];
                    let header = [&[2, 2], &list[0][1..], &list[1][1..]].concat();
                    (format!(r#"{{"peers":["p{one}","p{two}"]}}"#), header, vec![one, two])
                }
                2 => (format!(r#"{{"group":"g{circle}"}}"#), name(3, &format!("g{circle}")), of_circle()),
                3 => (format!(r#"{{"topic":"t{circle}"}}"#), name(5, &format!("t{circle}")), of_circle()),
                _ => (r#""others""#.to_owned(), vec![4], (0..PEERS).filter(|n| *n != sender).collect()),
            };
            addressees.sort_unstable();
            addressees.dedup();
            let before = chat.bench.turns();
            if is_text {
                chat.say(peers[sender], &format!(r#"{{"v":1,"to":{to},"body":{number}}}"#));
            } else {
                chat.say_bytes(
                    peers[sender],
                    &[&[0xd1], &header[..], number.to_string().as_bytes()].concat(),
                );
            }
            assert_eq!(chat.bench.turns() - before, 1, "message {number} took more than its turn");
            let heard = chat.heard();
            let by: Vec<usize> = (0..PEERS).filter(|n| heard.contains_key(&peers[*n].hears)).collect();
            assert_eq!(by, addressees, "message {number} to {to}");
            for (_, said) in heard.values().flatten() {
                let end = if is_text { format!(":{number}}}") } else { number.to_string() };
                assert!(said.ends_with(end.as_bytes()), "message {number} to {to}");
            }
            assert!(heard.values().all(|said| said.len() == 1), "message {number} came twice");
            copies += by.len() as u64;
        }
        assert_eq!(chat.figure("delivered"), copies);
    }
}

/// A kind and a name of the binary form.
fn name(kind: u8, name: &str) -> Vec<u8> {
    [&[kind, name.len() as u8], name.as_bytes()].concat()
}

/// How long messages of others took, in virtual time, and how many turns, while one peer sends as fast as it can.
fn others_wait(workers: u8, is_flooded: bool) -> (BTreeMap<String, Duration>, u64) {
    let options = json!({ "messages_per_second": 100 });
    let config = json!({ "data-router": { "enabled": true, "options": options } });
    let mut bench = Build::of::<DataRouter>().workers(workers).config(config).start();
    let path = Conditions::delay(Duration::from_millis(5));
    let peers: Vec<_> = ["ann", "bob", "mallory"]
        .iter()
        .map(|name| {
            let labels = Labels::new().with("room", "hall").with("user", *name);
            bench.peer_with(PeerOptions::webrtc().data().path(path).labels(labels).worker(workers - 1))
        })
        .collect();
    for peer in &peers {
        let speaks = bench.data_producer(*peer, 1);
        bench.consume_data(*peer, speaks, 2);
    }
    bench.advance(Duration::from_secs(1));
    let mut waits = BTreeMap::new();
    for round in 0..100 {
        if is_flooded {
            for n in 0..50 {
                let to = if n % 2 == 0 { r#"{"peer":"bob"}"# } else { r#"{"peer":"nobody"}"# };
                bench.send_data(
                    peers[2],
                    1,
                    ppid::STRING,
                    format!(r#"{{"v":1,"to":{to},"body":1}}"#).as_bytes(),
                );
            }
        }
        let sent = bench.now();
        let body = format!(r#"{{"v":1,"to":{{"peer":"bob"}},"body":"{round}"}}"#);
        bench.send_data(peers[0], 1, ppid::STRING, body.as_bytes());
        let expected = format!(r#"{{"v":1,"from":"ann","body":"{round}"}}"#).into_bytes();
        let came = bench.advance_until(Duration::from_secs(1), |bench| {
            bench.take_data(peers[1]).iter().any(|data| data.payload == expected)
        });
        assert!(came, "message {round}");
        waits.insert(format!("{round:03}"), bench.now() - sent);
        let rest = Duration::from_millis(40).saturating_sub(bench.now() - sent);
        bench.advance(rest);
    }
    let dropped = bench.stats("data-router")["dropped_rate"].as_u64().unwrap();
    assert_eq!(dropped > 3000, is_flooded, "{dropped}");
    (waits, dropped)
}

#[test]
fn a_flood_of_one_peer_makes_no_others_wait() {
    for workers in [1, 2] {
        let (calm, _) = others_wait(workers, false);
        let (flooded, _) = others_wait(workers, true);
        // Both ways are 5 ms long, and nothing waits in between: not for a timer, and not for the flood.
        assert!(calm.values().all(|wait| *wait == Duration::from_millis(10)), "{calm:?}");
        assert_eq!(flooded, calm);
    }
}

/// Peers with SCTP inside DTLS, on the last media thread: each speaks on stream 1 and hears on stream 2.
fn hall(
    workers: u8,
    peers: usize,
    options: &sfu_core::serde_json::Value,
    path: Conditions,
) -> (Bench<Cons<DataRouter, Nil>>, Vec<PeerId>) {
    let config = json!({ "data-router": { "enabled": true, "options": options } });
    let mut bench = Build::of::<DataRouter>().workers(workers).config(config).start();
    let join = |bench: &mut Bench<_>, n: usize| {
        let labels = Labels::new().with("room", "hall").with("user", format!("p{n}"));
        // What the worker sends comes at once, so that the turn can be told in which it left.
        let peer = PeerOptions::webrtc().data().to_worker(path).labels(labels).worker(workers - 1);
        bench.peer_with(peer)
    };
    let peers: Vec<_> = (0..peers).map(|n| join(&mut bench, n)).collect();
    for peer in &peers {
        let speaks = bench.data_producer(*peer, 1);
        bench.consume_data(*peer, speaks, 2);
    }
    bench.advance(Duration::from_secs(1));
    assert!(peers.iter().all(|peer| bench.has_sctp(*peer)), "every association is there");
    (bench, peers)
}

/// All 100 000 messages take minutes in a debug build.
fn messages_over_sctp() -> usize {
    if std::env::var_os("SFU_TEST_LONG").is_some() { MESSAGES } else { MESSAGES / 50 }
}

#[test]
fn over_sctp_each_of_fifty_peers_gets_what_is_for_it_in_the_turn_in_which_it_came() {
    for workers in [1, 2] {
        let options = json!({ "messages_per_second": 0, "bytes_per_second": 0 });
        let (mut bench, peers) = hall(workers, PEERS, &options, Conditions::perfect());
        for (n, peer) in peers.iter().enumerate() {
            bench.send_data(*peer, 1, ppid::STRING, format!(r#"{{"v":1,"join":"g{}"}}"#, n % 10).as_bytes());
        }
        bench.advance(Duration::from_secs(1));
        peers.iter().for_each(|peer| drop(bench.take_data(*peer)));
        let mut chance = Chance(11);
        let mut copies = 0;
        for number in 0..messages_over_sctp() / usize::from(workers) {
            let sender = chance.below(PEERS);
            let (one, two, circle) = (chance.below(PEERS), chance.below(PEERS), chance.below(10));
            let (to, mut addressees) = match chance.below(8) {
                0 => (r#""others""#.to_owned(), (0..PEERS).filter(|n| *n != sender).collect()),
                1 => {
                    let members = (0..PEERS).filter(|n| n % 10 == circle && *n != sender);
                    (format!(r#"{{"group":"g{circle}"}}"#), members.collect())
                }
                2 => (format!(r#"{{"peers":["p{one}","p{two}"]}}"#), vec![one, two]),
                _ => (format!(r#"{{"peer":"p{one}"}}"#), vec![one]),
            };
            addressees.sort_unstable();
            addressees.dedup();
            let turns = bench.turns();
            let text = format!(r#"{{"v":1,"to":{to},"body":{number}}}"#);
            bench.send_data(peers[sender], 1, ppid::STRING, text.as_bytes());
            let mut by = Vec::new();
            for (n, peer) in peers.iter().enumerate() {
                for (turn, data) in bench.take_data_by_turn(*peer) {
                    // Between the two it names the group, where it went to one.
                    let begin = format!(r#"{{"v":1,"from":"p{sender}","#);
                    let end = format!(r#""body":{number}}}"#);
                    let said = String::from_utf8_lossy(&data.payload);
                    assert!(said.starts_with(&begin) && said.ends_with(&end), "to {n}: {said}");
                    assert_eq!(
                        turn - turns,
                        1,
                        "message {number} to {to} did not leave in the turn it came in"
                    );
                    by.push(n);
                }
            }
            assert_eq!(by, addressees, "message {number} to {to}");
            copies += by.len() as u64;
            bench.advance(Duration::from_millis(1));
        }
        assert_eq!(bench.stats("data-router")["delivered"], copies);
    }
}

/// How many turns messages of others took, while one peer sends as fast as it can or not at all: the most, and what was dropped.
fn turns_of_others(workers: u8, is_flooded: bool) -> (u64, u64) {
    const WAY: Duration = Duration::from_millis(5);
    let options = json!({ "messages_per_second": 100 });
    let (mut bench, peers) = hall(workers, PEERS, &options, Conditions::delay(WAY));
    let (flooder, others) = peers.split_last().expect("peers");
    let mut most = 0;
    for round in 0..40 {
        if is_flooded {
            for n in 0..100 {
                let to = ["p0", "p1", "nobody"][n % 3];
                let text = format!(r#"{{"v":1,"to":{{"peer":"{to}"}},"body":"flood"}}"#);
                bench.send_data(*flooder, 1, ppid::STRING, text.as_bytes());
            }
        }
        // All others say something to their neighbour, at the same moment.
        for (n, peer) in others.iter().enumerate() {
            let text = format!(r#"{{"v":1,"to":{{"peer":"p{}"}},"body":{round}}}"#, (n + 1) % others.len());
            bench.send_data(*peer, 1, ppid::STRING, text.as_bytes());
        }
        bench.advance(WAY - Duration::from_nanos(1));
        let turns = bench.turns();
        bench.advance(Duration::from_nanos(1));
        for (n, peer) in others.iter().enumerate() {
            let from = (n + others.len() - 1) % others.len();
            let expected = format!(r#"{{"v":1,"from":"p{from}","body":{round}}}"#).into_bytes();
            let heard = bench.take_data_by_turn(*peer);
            let mut own = heard.iter().filter(|(_, data)| data.payload == expected);
            let (turn, _) = own.next().unwrap_or_else(|| panic!("round {round}: p{n} hears its neighbour"));
            most = most.max(turn - turns);
        }
        bench.advance(Duration::from_millis(45));
    }
    let dropped = bench.stats("data-router")["dropped_rate"].as_u64().expect("a figure");
    (most, dropped)
}

#[test]
fn over_sctp_others_wait_at_most_one_turn_more_while_one_peer_floods() {
    for workers in [1, 2] {
        let (calm, none) = turns_of_others(workers, false);
        let (flooded, dropped) = turns_of_others(workers, true);
        assert_eq!((calm, none), (1, 0));
        assert!(flooded <= calm + 1, "{flooded} turns, {workers} media threads");
        assert!(dropped > 1000, "{dropped}");
    }
}
