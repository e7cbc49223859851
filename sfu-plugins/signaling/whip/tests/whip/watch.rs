//! `POST /whep/<stream>`.
use axum::http::{Method, StatusCode};
use sfu_core::control::{EntityKind, Target};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn a_viewer_gets_consumers_of_what_is_published() {
    let bench = Bench::start("").await;
    bench.publish("room/cam").await;
    let viewer = bench.watch("room/cam").await;
    assert!(viewer.location.starts_with("/sessions/"));
    assert!(viewer.answer.contains("a=sendonly"));
    assert_eq!(bench.double.open(EntityKind::Consumer), 2);
    let fed_by: Vec<_> = bench.consumers().iter().map(|id| bench.double.producer_of(*id).unwrap()).collect();
    assert_eq!(fed_by, bench.producers());
    for consumer in bench.double.targets(EntityKind::Consumer) {
        assert_eq!(bench.double.labels(consumer).unwrap().get("role"), Some("viewer"));
    }
    assert_eq!(bench.delete(&viewer).await, StatusCode::OK);
    assert!(!bench.is_there(&viewer).await);
    assert_eq!(bench.double.open(EntityKind::Consumer), 0);
    assert_eq!(bench.double.open(EntityKind::Producer), 2, "the publisher goes on");
}

#[tokio::test(start_paused = true)]
async fn the_tracks_of_a_viewer_are_of_one_stream() {
    let bench = Bench::start("").await;
    bench.publish("a").await;
    let viewer = bench.watch("a").await;
    let streams: std::collections::BTreeSet<_> = viewer
        .answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=msid:"))
        .filter_map(|msid| msid.split(' ').next())
        .collect();
    assert_eq!(streams.len(), 1, "{streams:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_publisher_there_is_404_with_retry_after() {
    let bench = Bench::start("retry_after_s = 3").await;
    let answer = bench.post("/whep/a", WATCH).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::NOT_FOUND, "3"));
    assert_eq!(bench.double.open_entities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_offer_of_a_viewer_is_refused_and_leaves_nothing() {
    let bench = Bench::start("").await;
    bench.publish("a").await;
    let before = bench.double.open_entities();
    assert_eq!(bench.post("/whep/a", "v=1").await.status, StatusCode::BAD_REQUEST);
    let sends = WATCH.replace("a=recvonly", "a=sendonly");
    assert_eq!(bench.post("/whep/a", &sends).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let headers = [("content-type", "application/json")];
    let answer = bench.send(Method::POST, "/whep/a", &headers, "{}").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(bench.double.open_entities(), before);
}

#[tokio::test(start_paused = true)]
async fn wait_waits_for_the_publisher() {
    let bench = Bench::start("").await;
    let begun = tokio::time::Instant::now();
    let (viewer, _) = tokio::join!(bench.post("/whep/a?wait", WATCH), async {
        tokio::time::sleep(seconds(20)).await;
        bench.post("/whip/a", PUBLISH).await
    });
    assert_eq!(viewer.status, StatusCode::CREATED, "{}", viewer.body);
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(bench.double.open(EntityKind::Consumer), 2);
}

#[tokio::test(start_paused = true)]
async fn wait_ends_after_the_time_given_and_never_later_than_configured() {
    let bench = Bench::start("max_wait_s = 12").await;
    for (query, expected) in [("wait=5", 5), ("wait", 12), ("wait=3600", 12)] {
        let begun = tokio::time::Instant::now();
        let answer = bench.post(&format!("/whep/a?{query}"), WATCH).await;
        assert_eq!((answer.status, begun.elapsed().as_secs()), (StatusCode::NOT_FOUND, expected));
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert_eq!(bench.post("/whep/a?wait=soon", WATCH).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_wait_as_configured_and_one_that_hangs_up_gives_its_place_free() {
    let bench = Bench::start("max_waiting = 1").await;
    let hung_up = tokio::time::timeout(seconds(1), bench.post("/whep/a?wait", WATCH)).await;
    assert!(hung_up.is_err());
    let (first, second) =
        tokio::join!(bench.post("/whep/a?wait=5", WATCH), bench.post("/whep/a?wait=5", WATCH));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [404, 503]);
}

#[tokio::test(start_paused = true)]
async fn as_many_viewers_watch_as_configured() {
    let bench = Bench::start("max_viewers_per_stream = 1").await;
    bench.publish("a").await;
    let viewer = bench.watch("a").await;
    assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::SERVICE_UNAVAILABLE);
    bench.delete(&viewer).await;
    bench.watch("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_tells_its_own_figures_only() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    let stats = bench.get(&format!("{}/stats", viewer.location)).await;
    assert_eq!(stats.status, StatusCode::OK);
    let stats = stats.json();
    assert_eq!((&stats["stream"], &stats["role"]), (&"a".into(), &"viewer".into()));
    assert_eq!(stats["published"], true);
    assert_eq!(stats["transports"].as_array().unwrap().len(), 1);
    assert_eq!(stats["transports"][0]["id"], viewer.transport.to_string());
    assert_eq!(stats["transports"][0]["iceState"], "completed");
    assert_eq!(stats["consumers"].as_array().unwrap().len(), 2);
    assert!(stats["producers"].as_array().unwrap().is_empty());
    let stats = bench.get(&format!("{}/stats", publisher.location)).await.json();
    assert_eq!(stats["producers"].as_array().unwrap().len(), 2);
    assert!(stats["producers"][0]["streams"][0].get("bitrate").is_some());
    let target = bench.double.targets(EntityKind::Session)[0];
    assert!(matches!(target, Target::Session(_)));
    bench.delete(&viewer).await;
    let answer = bench.get(&format!("{}/stats", viewer.location)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = bench.send(Method::POST, &format!("{}/stats", publisher.location), &[], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}
