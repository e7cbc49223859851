//! Whatever fails or is given up half-way leaves nothing behind.
use axum::http::StatusCode;
use sfu_core::control::{Command, ControlError, EntityKind};

use crate::bench::*;

fn is_step(step: usize, command: &Command) -> bool {
    match step {
        0 => matches!(command, Command::CreateRouter { .. }),
        1 => matches!(command, Command::CreateSession(_)),
        2 => matches!(command, Command::CreateWebRtcTransport { .. }),
        3 => matches!(command, Command::ConnectWebRtcTransport { .. }),
        4 => matches!(command, Command::Produce { .. }),
        _ => matches!(command, Command::Consume { .. }),
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_whose_set_up_fails_at_any_step_leaves_nothing() {
    for step in 0..5 {
        let bench = Bench::start("").await;
        bench.double.refuse(move |c| is_step(step, c).then(|| ControlError::internal("control: oops")));
        assert_eq!(
            bench.post("/whip/a", PUBLISH).await.status,
            StatusCode::INTERNAL_SERVER_ERROR,
            "step {step}"
        );
        assert_eq!(bench.double.open_entities(), 0, "step {step}");
        bench.double.accept();
        bench.publish("a").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_producer_that_fails_takes_the_first_with_it() {
    let bench = Bench::start("").await;
    let mut seen = 0;
    bench.double.refuse(move |c| {
        seen += usize::from(is_step(4, c));
        (seen == 2).then(|| ControlError::invalid("control.produce: no"))
    });
    assert_eq!(bench.post("/whip/a", PUBLISH).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    bench.double.accept();
    tokio::time::sleep(seconds(1)).await;
    // Closing was refused by the rule as well; a worker whose session can't be closed is beyond us.
    assert!(bench.double.open(EntityKind::Producer) <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_whose_set_up_fails_at_any_step_leaves_nothing() {
    for step in [1, 2, 3, 5] {
        let bench = Bench::start("").await;
        bench.publish("a").await;
        let before = bench.double.open_entities();
        bench.double.refuse(move |c| is_step(step, c).then(|| ControlError::refused("plugin: no")));
        assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::FORBIDDEN, "step {step}");
        assert_eq!(bench.double.open_entities(), before, "step {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_during_set_up_leaves_nothing() {
    for patience in (10..400).step_by(35) {
        let bench = Bench::start("").await;
        bench.double.set_delay(std::time::Duration::from_millis(50));
        let patience = std::time::Duration::from_millis(patience);
        let outcome = tokio::time::timeout(patience, bench.post("/whip/a", PUBLISH)).await;
        tokio::time::sleep(seconds(3)).await;
        if outcome.is_err() {
            assert_eq!(bench.double.open_entities(), 0, "{patience:?}");
            assert_eq!(bench.get("/streams").await.json()["streams"].as_array().unwrap().len(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_during_a_set_up_keeps_nothing_of_it() {
    let bench = Bench::start("").await;
    bench.double.set_delay(std::time::Duration::from_millis(20));
    let (answer, _) = tokio::join!(bench.post("/whip/a", PUBLISH), async {
        tokio::time::sleep(std::time::Duration::from_millis(70)).await;
        bench.stop.send(true).unwrap();
    });
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(bench.double.open(EntityKind::Session), 0);
    assert_eq!(bench.double.open(EntityKind::Transport), 0);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_publishers_come_and_go_without_a_trace() {
    let bench = Bench::start("").await;
    for round in 0..1000 {
        let peer = bench.publish("a").await;
        if round % 10 == 0 {
            let viewer = bench.watch("a").await;
            assert_eq!(bench.delete(&viewer).await, StatusCode::OK);
        }
        assert_eq!(bench.delete(&peer).await, StatusCode::OK);
        assert_eq!(bench.double.open_entities(), 0);
    }
}
