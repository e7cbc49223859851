//! Many peers and many messages: each reaches exactly whom it names, in the turn in which it came.
mod chat;

use std::collections::BTreeMap;
use std::time::Duration;

use chat::{Chat, Peer};
use sfu_core::control::Labels;
use sfu_core::plugin::ppid;
use sfu_core::serde_json::json;
use sfu_core::testing::{Build, Conditions, PeerOptions};
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
