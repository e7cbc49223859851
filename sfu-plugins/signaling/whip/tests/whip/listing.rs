//! `/streams` and `/streams/events`.
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures_util::StreamExt;
use sfu_core::control::IceState;
use tower::ServiceExt;

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn live_streams_are_listed_with_codecs_and_viewers() {
    let bench = Bench::start("").await;
    assert_eq!(bench.get("/streams").await.json(), serde_json::json!({ "streams": [] }));
    let publisher = bench.publish("room/cam").await;
    let viewer = bench.watch("room/cam").await;
    let list = bench.get("/streams").await.json();
    let stream = &list["streams"][0];
    assert_eq!(stream["name"], "room/cam");
    assert_eq!(stream["viewers"], 1);
    assert_eq!(stream["publisher"]["state"], "connected");
    assert!(stream["publisher"]["since"].as_u64().unwrap() > 1_600_000_000_000);
    let codecs = stream["codecs"].as_array().unwrap();
    assert!(codecs.contains(&"audio/opus".into()) && codecs.len() == 2, "{codecs:?}");
    bench.ice(&publisher, IceState::Disconnected).await;
    assert_eq!(bench.get("/streams").await.json()["streams"][0]["publisher"]["state"], "lost");
    bench.delete(&publisher).await;
    let list = bench.get("/streams").await.json();
    assert!(list["streams"][0]["publisher"].is_null(), "viewers wait for it");
    bench.delete(&viewer).await;
    assert_eq!(bench.get("/streams").await.json(), serde_json::json!({ "streams": [] }));
    assert_eq!(bench.send(Method::POST, "/streams", &[], "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

async fn open(bench: &Bench) -> axum::http::Response<Body> {
    let request = Request::get("/streams/events").body(Body::empty()).unwrap();
    bench.mounts.router().oneshot(request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_by_an_event_with_the_whole_list() {
    let bench = Bench::start("").await;
    let response = open(&bench).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body().into_data_stream();
    let mut next = async || loop {
        let text = String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
        if !text.starts_with(':') {
            return text;
        }
    };
    assert_eq!(next().await, "event: streams\ndata: {\"streams\":[]}\n\n");
    let publisher = bench.publish("a").await;
    assert!(next().await.contains("\"name\":\"a\""));
    bench.delete(&publisher).await;
    let mut last = next().await;
    while last.contains("\"name\"") {
        last = next().await;
    }
    assert!(last.contains("{\"streams\":[]}"));
}

#[tokio::test(start_paused = true)]
async fn as_many_clients_listen_as_configured_and_shutdown_ends_them() {
    let bench = Bench::start("max_event_streams = 1").await;
    let first = open(&bench).await;
    assert_eq!(open(&bench).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    bench.stop.send(true).unwrap();
    let rest = first.into_body().into_data_stream().collect::<Vec<_>>().await;
    assert!(rest.len() <= 2, "the stream ends");
}
