//! Answers: their forms, late ones, and who answers.
use serde_json::json;
use sfu_core::control::{ControlError, ErrorKind, Target};
use sfu_core::plugin::Reply;
use sfu_core::testing::Build;

use super::cast::{Cast, ask, stage};

#[test]
fn an_answer_has_four_forms() {
    for workers in [1, 2] {
        let (mut bench, _, c) = stage(workers);
        ask(&mut bench, c, json!({"method": "pause"}));
        assert_eq!(
            bench.request("actor", c, json!({"method": "jsep"})),
            Ok(json!({ "result": "joined", "jsep": { "type": "offer", "sdp": "v=0" } }))
        );
        assert!(bench.notices("actor").is_empty());
        assert_eq!(
            bench.request("actor", c, json!({"method": "ack"})),
            Ok(json!({ "ack": true, "hint": "soon" }))
        );
        assert_eq!(bench.notices("actor"), [json!({ "event": "there it is" })], "an event follows");
        for code in [426, 7, u32::MAX] {
            let error = bench.request("actor", c, json!({"method": "fail", "code": code})).unwrap_err();
            assert_eq!(error, ControlError::plugin(code, "plugins.actor: not today"));
            assert_eq!((error.kind, error.code()), (ErrorKind::Plugin, Some(code)));
        }
        let error = bench.request("actor", c, json!({"method": "dance"})).unwrap_err();
        assert_eq!(error.code(), Some(sfu_core::plugin::CODE_MALFORMED), "{error}");
        let everywhere = bench.request("actor", Target::Worker, json!({"method": "fail", "code": 9}));
        assert_eq!(everywhere.unwrap_err().code(), Some(9));
    }
}

#[test]
fn requests_without_target_are_served_once_or_answered_by_all() {
    let mut bench = Build::<Cast>::new().workers(3).start();
    assert_eq!(bench.request("echo", Target::Worker, json!({"say": "hi"})), Ok(json!("hi from afar")));
    let p = bench.audio_producer();
    assert_eq!(bench.request("echo", p, json!({"say": "hi"})), Ok(json!("hi!")));
    let all = bench.request("actor", Target::Worker, json!({"method": "wake", "ms": 5})).unwrap();
    assert_eq!(all, json!(["done", "done", "done"]));
    assert!(bench.request("nobody", Target::Worker, json!({})).is_err());
    assert!(bench.request("echo", p, json!({"say": "hi", "more": 1})).is_err());
}

#[test]
fn background_work_comes_back_and_answers_may_be_late() {
    let (mut bench, p, _) = stage(2);
    let mut answer = bench.request_later("actor", p, json!({"method": "later"}));
    assert!(answer.take().is_none());
    ask(&mut bench, p, json!({"method": "background", "text": "ready"}));
    assert_eq!(answer.take(), Some(Ok(Reply::Json(json!("ready")))));
    assert_eq!(bench.stats("actor")["message ready"], 1);
}
