//! Server-Sent Events.
mod bench;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use bench::*;
use futures_util::StreamExt;
use serde_json::json;
use sfu_core::control::*;
use sfu_core::http::Client;
use std::time::Duration;
use tower::ServiceExt;

struct Follower {
    body: axum::body::BodyDataStream,
    text: String,
}

impl Follower {
    /// The next line block, without the empty line behind it; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            self.text.push_str(std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap());
        }
    }
}

async fn follow(bench: &Bench, path: &str) -> Follower {
    let mut request = request(Method::GET, path, &[], "");
    request.extensions_mut().insert(Client {
        ip: [127, 0, 0, 1].into(),
        peer: ([127, 0, 0, 1], 5).into(),
        https: false,
        host: Some("127.0.0.1:8080".into()),
    });
    let response = bench.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Body = response.into_body();
    Follower { body: body.into_data_stream(), text: String::new() }
}

fn plugin(id: &str, n: u32) -> EventBody {
    EventBody::Plugin { plugin: id.into(), body: json!({ "n": n, "text": "two\r\nlines" }) }
}

#[tokio::test]
async fn events_arrive_as_they_happen() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    let mut follower = follow(&bench, "/api/events").await;
    bench.double.emit(call.sends, EventBody::IceState(IceState::Completed));
    bench.double.emit(Target::Worker, plugin("recorder", 1));
    let first = format!(
        r#"data: {{"target":{{"transport":"{}"}},"event":"ice_state","data":"completed"}}"#,
        call.sends
    );
    assert_eq!(follower.next().await.unwrap(), first);
    let second = follower.next().await.unwrap();
    assert!(second.starts_with(r#"data: {"target":"worker","event":"plugin""#), "{second}");
    assert_eq!(second.lines().count(), 1);
}

#[tokio::test]
async fn a_filter_leaves_the_rest_out() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    let mut plugins = follow(&bench, "/api/events?filter=plugin").await;
    let mut one = follow(&bench, "/api/events?filter=plugin:b").await;
    let mut target = follow(&bench, &format!("/api/events?filter=target:producer:{}", call.producer)).await;
    bench.double.emit(call.sends, EventBody::IceState(IceState::Completed));
    bench.double.emit(Target::Worker, plugin("a", 1));
    bench.double.emit(call.producer, EventBody::Paused { by_producer: false });
    bench.double.emit(Target::Worker, plugin("b", 2));
    assert!(plugins.next().await.unwrap().contains(r#""n":1"#));
    assert!(plugins.next().await.unwrap().contains(r#""n":2"#));
    assert!(one.next().await.unwrap().contains(r#""n":2"#));
    assert!(target.next().await.unwrap().contains("paused"));
    for bad in ["filter=x", "filter=plugin:X", "filter=target:room:1", "what=1"] {
        let answer = bench.get(&format!("/api/events?{bad}")).await;
        assert_eq!((answer.status, answer.error().0), (StatusCode::BAD_REQUEST, "invalid"), "{bad}");
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
    let bench = Bench::new("");
    let mut follower = follow(&bench, "/api/events").await;
    bench.double.flood();
    let first = follower.next().await.unwrap();
    let missed = first.strip_prefix("event: missed\ndata: ").unwrap_or_else(|| panic!("{first}"));
    let missed: serde_json::Value = serde_json::from_str(missed).unwrap();
    let mut seen = missed["missed"].as_u64().unwrap();
    assert!(seen >= 10_000);
    while seen < 20_000 {
        assert!(follower.next().await.unwrap().contains("flood"));
        seen += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_is_kept_alive_by_comments() {
    let bench = Bench::new("");
    let mut follower = follow(&bench, "/api/events").await;
    let before = tokio::time::Instant::now();
    assert_eq!(follower.next().await.unwrap(), ": still here");
    assert!(before.elapsed() <= Duration::from_secs(20));
}

#[tokio::test]
async fn followers_are_counted_and_let_go() {
    let bench = Bench::new("max_event_streams = 2");
    let _first = follow(&bench, "/api/events").await;
    let second = follow(&bench, "/api/events").await;
    let third = bench.get("/api/events").await;
    assert_eq!((third.status, third.error().0), (StatusCode::SERVICE_UNAVAILABLE, "limit"));
    drop(second);
    follow(&bench, "/api/events").await;
}

#[tokio::test]
async fn the_end_of_the_worker_ends_the_events() {
    let bench = Bench::new("");
    let mut follower = follow(&bench, "/api/events").await;
    bench.stop.send(true).unwrap();
    assert_eq!(follower.next().await, None);
}
