//! Packets that a plugin makes, and how many.
use serde_json::json;
use sfu_core::testing::{Build, opus};

use super::cast::{Cast, ask, stage};
use crate::{ms, seconds};

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
