//! Questions of one plugin to others and to the control API, and what it tells everybody.
use serde_json::json;
use sfu_core::control::{EventBody, Target};
use sfu_core::testing::Bench;

use super::cast::{Cast, ask, stage};
use crate::{ms, seconds};

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
