//! Viewers going over to another publisher.
use axum::http::StatusCode;
use sfu_core::control::{CloseReason, Command, ControlError, EntityKind, IceState};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn a_publisher_that_comes_back_keeps_its_viewers_on_their_sessions() {
    let bench = Bench::start("").await;
    let first = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.ice(&first, IceState::Disconnected).await;
    tokio::time::sleep(seconds(11)).await;
    assert!(!bench.is_there(&first).await);
    tokio::time::sleep(seconds(20)).await;
    bench.publish("a").await;
    tokio::time::sleep(seconds(60)).await;
    assert!(bench.is_there(&viewer).await);
    let producers = bench.producers();
    assert_eq!(producers.len(), 2);
    let fed_by: Vec<_> = bench.consumers().iter().map(|id| bench.double.producer_of(*id).unwrap()).collect();
    assert_eq!(fed_by, producers);
    assert_eq!(bench.transports().len(), 2, "no transport of the first publisher is left");
}

#[tokio::test(start_paused = true)]
async fn a_publisher_whose_consent_is_lost_can_be_replaced_at_once_with_its_viewers() {
    let bench = Bench::start("").await;
    let first = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.ice(&first, IceState::Disconnected).await;
    bench.publish("a").await;
    assert!(!bench.is_there(&first).await);
    assert!(bench.is_there(&viewer).await);
    assert_eq!(bench.double.open(EntityKind::Consumer), 2, "moved before the first was closed");
    assert_eq!(bench.double.open(EntityKind::Producer), 2);
}

#[tokio::test(start_paused = true)]
async fn takeover_moves_the_viewers_and_then_closes_the_first_publisher() {
    let bench = Bench::start("second_publisher = 'takeover'").await;
    let first = bench.publish("a").await;
    let viewers = [bench.watch("a").await, bench.watch("a").await];
    bench.double.clear_commands();
    bench.publish("a").await;
    assert!(!bench.is_there(&first).await);
    for viewer in &viewers {
        assert!(bench.is_there(viewer).await);
    }
    let commands = bench.double.commands();
    let last_switch = commands.iter().rposition(|c| matches!(c, Command::SwitchConsumer { .. })).unwrap();
    let close = commands.iter().position(|c| matches!(c, Command::CloseSession(_))).unwrap();
    assert!(last_switch < close);
    assert_eq!((bench.switches(), bench.double.open(EntityKind::Consumer)), (4, 4));
    assert_eq!(bench.transports().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_takeover_that_fails_changes_nothing() {
    let bench = Bench::start("second_publisher = 'takeover'").await;
    let first = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    let before = bench.double.open_entities();
    bench
        .double
        .refuse(|c| matches!(c, Command::Produce { .. }).then(|| ControlError::refused("plugin: no")));
    assert_eq!(bench.post("/whip/a", PUBLISH).await.status, StatusCode::FORBIDDEN);
    assert!(bench.is_there(&first).await && bench.is_there(&viewer).await);
    assert_eq!((bench.double.open_entities(), bench.switches()), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_whose_codecs_do_not_fit_is_ended() {
    let bench = Bench::start("").await;
    let first = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.delete(&first).await;
    // Chromium's first video codec is VP8; this publisher has none.
    let other = PUBLISH.replace(" VP8/90000", " STRANGER/90000");
    bench.join("/whip/a", &other).await;
    assert!(!bench.is_there(&viewer).await);
    assert_eq!(bench.double.open(EntityKind::Consumer), 0);
    bench.watch("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_of_a_medium_that_is_missing_now_is_ended_and_may_come_again() {
    let bench = Bench::start("").await;
    let first = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.delete(&first).await;
    bench.join("/whip/a", &without_video(PUBLISH)).await;
    assert!(!bench.is_there(&viewer).await);
    bench.watch("a").await;
    assert_eq!(bench.double.open(EntityKind::Consumer), 1);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_the_worker_cannot_move_is_ended() {
    let bench = Bench::start("").await;
    let first = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.delete(&first).await;
    assert!(bench.is_there(&viewer).await);
    for consumer in bench.consumers() {
        bench.close(consumer, CloseReason::Plugin).await;
    }
    bench.publish("a").await;
    assert!(!bench.is_there(&viewer).await);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_in_set_up_during_a_takeover_ends_at_the_new_publisher() {
    let bench = Bench::start("second_publisher = 'takeover'").await;
    bench.publish("a").await;
    bench.double.set_delay(std::time::Duration::from_millis(50));
    // The viewer's set-up has more steps to go than the publisher's when both run.
    let (viewer, second) = tokio::join!(
        async {
            tokio::time::sleep(std::time::Duration::from_millis(120)).await;
            bench.post("/whep/a", WATCH).await
        },
        bench.post("/whip/a", PUBLISH)
    );
    assert_eq!((viewer.status, second.status), (StatusCode::CREATED, StatusCode::CREATED));
    tokio::time::sleep(seconds(2)).await;
    let producers = bench.producers();
    assert_eq!(producers.len(), 2);
    for consumer in bench.consumers() {
        assert!(producers.contains(&bench.double.producer_of(consumer).unwrap()));
    }
}
