//! Where files begin and end, and what is in them.
use std::time::{Duration, Instant};

use sfu_core::serde_json::json;

use crate::bench::{numbers, with_workers};

#[test]
fn full_files_of_packets_are_followed_by_others() {
    with_workers("full", json!({ "enabled": true, "max_bytes": 100_000 }), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        for n in 0..300 {
            source.send(7, n % 20 == 0, 1000);
        }
        bench.written(300).await;
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let (mut packets, mut files) = (0, 0);
        while packets < 300 {
            let stopped = bench.event("recorder.stopped").await;
            let file = numbers(&bench.file(&stopped));
            assert_eq!(stopped["packets"], file.len());
            assert!(
                file.len().is_multiple_of(20) || packets + file.len() == 300,
                "it begins with a key frame: {file:?}"
            );
            (packets, files) = (packets + file.len(), files + 1);
        }
        assert_eq!(files, 3);
    });
}

#[test]
fn a_pause_leaves_no_gap() {
    with_workers("pause", json!({ "enabled": true }), async |mut bench, on| {
        use sfu_core::control::Command::{CloseProducer, PauseProducer, ResumeProducer};
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        let control = bench.control().clone();
        for n in 0..10 {
            source.send(7, n == 0, 200);
        }
        bench.written(10).await;
        control.run(PauseProducer(producer)).await.unwrap();
        for _ in 0..10 {
            source.send(7, true, 200);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        control.run(ResumeProducer(producer)).await.unwrap();
        source.send(7, false, 200);
        for n in 0..10 {
            source.send(7, n == 0, 200);
        }
        bench.written(20).await;
        control.run(CloseProducer(producer)).await.unwrap();
        let stopped = bench.event("recorder.stopped").await;
        assert_eq!(numbers(&bench.file(&stopped)), (1..=20).collect::<Vec<u16>>());
    });
}

#[test]
fn the_end_of_the_worker_finishes_the_files() {
    with_workers("end", json!({ "enabled": true }), async |mut bench, on| {
        let (_, _, mut source) = bench.publish(on, "cam", &[7]).await;
        let started = bench.event("recorder.started").await;
        for n in 0..50 {
            source.send(7, n == 0, 200);
        }
        // Until they are on the media thread; nothing needs to be in the file yet.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        bench.worker.take().unwrap().stop().await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(numbers(&bench.file(&started)), (1..=50).collect::<Vec<u16>>());
    });
}

#[test]
fn what_the_queue_has_no_room_for_is_told_once_a_second() {
    let settings = json!({ "enabled": true, "queue_bytes": 65_536 });
    with_workers("dropped", settings, async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        source.send(7, true, 200);
        bench.written(1).await;
        // Far more than fits between two looks of the writer into its queue.
        source.pace = Duration::ZERO;
        for _ in 0..400 {
            source.send(7, false, 1400);
        }
        let dropped = bench.event("recorder.dropped").await;
        assert_eq!((&dropped["producer"], &dropped["stream"]), (&json!(producer), &json!("cam")));
        assert_eq!(dropped["packets"], dropped["total"]);
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let stopped = bench.event("recorder.stopped").await;
        assert!(stopped["dropped"].as_u64().unwrap() >= dropped["total"].as_u64().unwrap(), "{stopped}");
        let figures = bench.written(1).await;
        assert_eq!(figures["dropped"]["sum"], stopped["dropped"], "{figures}");
        assert!(figures["queue_peak_bytes"]["max"].as_u64().unwrap() > 60_000, "{figures}");
    });
}
