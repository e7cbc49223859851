//! Commands on entities: pause, resume, close, key frames, layers, weights and limits.
use serde_json::json;
use sfu_core::control::{EventBody, Target};
use sfu_core::testing::{Bench, Build, Media};

use super::cast::{Cast, ask, stage};
use crate::{ms, seconds};

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
