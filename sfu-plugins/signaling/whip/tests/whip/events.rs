//! What the worker tells.
use axum::http::StatusCode;
use sfu_core::control::{CloseReason, DtlsState, EntityKind, EventBody, IceState};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn a_failed_or_closed_dtls_ends_the_session() {
    for state in [DtlsState::Failed, DtlsState::Closed] {
        let bench = Bench::start("").await;
        let publisher = bench.publish("a").await;
        bench.double.emit(publisher.transport, EventBody::DtlsState(state));
        bench.settle().await;
        assert!(!bench.is_there(&publisher).await);
        assert_eq!(bench.double.open_entities(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_elsewhere_is_gone_here() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let session = bench.double.targets(EntityKind::Session)[0];
    bench.close(session, CloseReason::Requested).await;
    assert!(!bench.is_there(&publisher).await);
    assert_eq!(bench.double.open_entities(), 0, "the room is closed, too");
    bench.publish("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_closed_elsewhere_ends_its_stream_and_the_next_publisher_gets_a_new_one() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    let router = bench.double.targets(EntityKind::Router)[0];
    bench.close(router, CloseReason::Requested).await;
    assert!(!bench.is_there(&publisher).await);
    assert!(!bench.is_there(&viewer).await);
    bench.publish("a").await;
    bench.watch("a").await;
}

#[tokio::test(start_paused = true)]
async fn news_of_strangers_change_nothing() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let other = bench.publish("b").await;
    bench.ice(&other, IceState::Disconnected).await;
    tokio::time::sleep(seconds(11)).await;
    assert!(bench.is_there(&publisher).await);
    assert!(!bench.is_there(&other).await);
}

#[tokio::test(start_paused = true)]
async fn missed_events_are_made_up_for_by_asking() {
    let bench = Bench::start("").await;
    let gone = bench.publish("gone").await;
    let lost = bench.publish("lost").await;
    let fine = bench.publish("fine").await;
    // A session that is younger than a second is given the benefit of the doubt, in real time.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    bench.double.close_unseen(gone.transport);
    bench.double.emit(lost.transport, EventBody::IceState(IceState::Disconnected));
    bench.double.flood();
    bench.settle().await;
    assert!(!bench.is_there(&gone).await);
    assert!(bench.is_there(&lost).await);
    tokio::time::sleep(seconds(11)).await;
    assert!(!bench.is_there(&lost).await, "its consent was lost while nobody listened");
    assert!(bench.is_there(&fine).await);
    assert_eq!(bench.post("/whip/gone", PUBLISH).await.status, StatusCode::CREATED);
}
