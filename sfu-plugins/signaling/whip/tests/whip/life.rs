//! The life of a stream, from the first publisher to the last viewer.
use axum::http::StatusCode;
use sfu_core::control::{CloseReason, EntityKind, IceState};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn a_second_publisher_gets_409_and_the_first_goes_on() {
    let bench = Bench::start("").await;
    let first = bench.publish("a").await;
    assert_eq!(bench.post("/whip/a", PUBLISH).await.status, StatusCode::CONFLICT);
    assert!(bench.is_there(&first).await);
    assert_eq!(bench.double.open(EntityKind::Session), 1);
    assert_eq!(bench.delete(&first).await, StatusCode::OK);
    bench.publish("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_publisher_is_closed_ten_seconds_later() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    bench.ice(&publisher, IceState::Disconnected).await;
    tokio::time::sleep(seconds(9)).await;
    assert!(bench.is_there(&publisher).await);
    tokio::time::sleep(seconds(2)).await;
    assert!(!bench.is_there(&publisher).await);
    assert_eq!(bench.double.open_entities(), 0, "nobody watches: the stream is over");
}

#[tokio::test(start_paused = true)]
async fn a_publisher_whose_consent_returns_is_not_closed() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    bench.ice(&publisher, IceState::Disconnected).await;
    tokio::time::sleep(seconds(9)).await;
    bench.ice(&publisher, IceState::Connected).await;
    tokio::time::sleep(seconds(100)).await;
    assert!(bench.is_there(&publisher).await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_connects_is_closed() {
    let bench = Bench::start("connect_timeout_s = 5").await;
    assert_eq!(bench.post("/whip/a", PUBLISH).await.status, StatusCode::CREATED);
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(bench.double.open(EntityKind::Session), 1);
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(bench.double.open_entities(), 0);
}

#[tokio::test(start_paused = true)]
async fn viewers_without_publisher_are_kept_thirty_seconds() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.delete(&publisher).await;
    tokio::time::sleep(seconds(29)).await;
    assert!(bench.is_there(&viewer).await);
    assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::NOT_FOUND, "nobody new may join");
    tokio::time::sleep(seconds(2)).await;
    assert!(!bench.is_there(&viewer).await);
    assert_eq!(bench.double.open_entities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_gone_by_any_way_leaves_its_viewers_the_same_time() {
    for way in 0..3 {
        let bench = Bench::start("").await;
        let publisher = bench.publish("a").await;
        let viewer = bench.watch("a").await;
        match way {
            0 => assert_eq!(bench.delete(&publisher).await, StatusCode::OK),
            1 => bench.close(publisher.transport, CloseReason::Peer).await,
            _ => {
                for producer in bench.producers() {
                    bench.close(producer, CloseReason::Plugin).await;
                }
            }
        }
        assert!(!bench.is_there(&publisher).await, "way {way}");
        assert!(bench.is_there(&viewer).await, "way {way}");
        bench.publish("a").await;
        assert_eq!(bench.switches(), 2, "way {way}");
        tokio::time::sleep(seconds(60)).await;
        assert!(bench.is_there(&viewer).await, "way {way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_viewer_is_closed_and_nobody_else() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let (lost, other) = (bench.watch("a").await, bench.watch("a").await);
    bench.ice(&lost, IceState::Disconnected).await;
    tokio::time::sleep(seconds(11)).await;
    assert!(!bench.is_there(&lost).await);
    assert!(bench.is_there(&other).await && bench.is_there(&publisher).await);
}

#[tokio::test(start_paused = true)]
async fn on_shutdown_everybody_is_closed_within_a_second_and_nobody_let_in() {
    let bench = Bench::start("").await;
    for stream in ["a", "b"] {
        bench.publish(stream).await;
        bench.watch(stream).await;
    }
    let begun = tokio::time::Instant::now();
    bench.stop.send(true).unwrap();
    let mounts = bench.mounts.clone();
    let (double, running) = (bench.double.clone(), bench.running);
    running.await.unwrap().unwrap();
    assert!(begun.elapsed() < seconds(1));
    assert_eq!(double.open_entities(), 0);
    let request = axum::http::Request::post("/whip/a")
        .header("content-type", "application/sdp")
        .body(axum::body::Body::from(PUBLISH))
        .unwrap();
    let answer = tower::ServiceExt::oneshot(mounts.router(), request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test(start_paused = true)]
async fn waiting_viewers_are_told_of_the_shutdown() {
    let bench = Bench::start("").await;
    let (answer, _) = tokio::join!(bench.post("/whep/a?wait", WATCH), async {
        tokio::time::sleep(seconds(1)).await;
        bench.stop.send(true).unwrap();
    });
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
