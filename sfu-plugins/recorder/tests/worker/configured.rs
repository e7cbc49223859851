//! What the configuration decides.
use sfu_core::control::Target;
use sfu_core::serde_json::{Value, json};

use crate::bench::{numbers, with_workers};
use crate::tools::janus_reads;

#[test]
fn a_worker_records_by_configuration() {
    let settings = json!({ "enabled": true, "options": { "only": { "stream": "cam-*" } } });
    with_workers("config", settings, async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam-1", &[7]).await;
        let started = bench.event("recorder.started").await;
        assert_eq!((&started["producer"], &started["stream"]), (&json!(producer), &json!("cam-1")));
        assert!(started["file"].as_str().unwrap().starts_with("cam-1-video-2"), "{started}");
        source.send(7, false, 100);
        for n in 0..100 {
            source.send(7, n == 0, 1000);
        }
        let figures = bench.written(100).await;
        assert_eq!(
            (&figures["active"]["sum"], &figures["files"]["sum"], &figures["dropped"]["sum"]),
            (&json!(1), &json!(1), &json!(0)),
            "{figures}"
        );
        // Somebody whom the rule leaves out.
        let (_, other, mut silent) = bench.publish(on, "screen", &[9]).await;
        silent.send(9, true, 100);
        bench.control().run(sfu_core::control::Command::CloseProducer(other)).await.unwrap();
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let stopped = bench.event("recorder.stopped").await;
        assert_eq!((&stopped["packets"], &stopped["stream"]), (&json!(100), &json!("cam-1")), "{stopped}");
        assert_eq!(numbers(&bench.file(&stopped)), (1..=100).collect::<Vec<u16>>());
        let list = bench.ask(Target::Worker, json!({ "method": "list" })).await.unwrap();
        assert_eq!(list["files"].as_array().unwrap().len(), 1, "{list}");
        assert_eq!(list["files"][0]["state"], "finished");
        janus_reads(&bench.file(&stopped), 100, false);
    });
}

#[test]
fn names_change_while_it_runs_and_the_folder_does_not() {
    with_workers("reconfigured", json!({ "enabled": true }), async |mut bench, on| {
        let table = |key: &str, value: Value| {
            let mut table = json!({ "folder": bench.folder, "file": "second-{stream}" });
            table[key] = value;
            table
        };
        let (refused, taken) =
            (table("folder", "elsewhere".into()), table("wait_for_key_frame", false.into()));
        let plugin = || "recorder".to_owned();
        let configure = |config| sfu_core::control::Command::ReconfigurePlugin { plugin: plugin(), config };
        let error = bench.control().run(configure(refused)).await.unwrap_err();
        assert_eq!(
            error.text,
            "plugins.recorder.folder: can't change while the worker runs; write it to the file and restart the worker"
        );
        let error = bench.control().run(configure(table("file", "{nope}".into()))).await.unwrap_err();
        assert!(error.text.starts_with("plugins.recorder.file: "), "{error}");
        let (_, _, mut source) = bench.publish(on, "cam", &[7]).await;
        let started = bench.event("recorder.started").await;
        assert!(started["file"].as_str().unwrap().starts_with("cam-video-2"), "{started}");
        source.send(7, true, 100);
        bench.control().run(configure(taken)).await.unwrap();
        for worker in 0..=on {
            let (_, _, mut source) = bench.publish(worker, &format!("cam-{worker}"), &[8]).await;
            let started = bench.event("recorder.started").await;
            assert_eq!(started["file"], format!("second-cam-{worker}.mjr"));
            // No key frame, and recorded all the same.
            source.send(8, false, 100);
        }
        bench.written(2 + u64::from(on)).await;
    });
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_recording_and_not_the_media() {
    let settings = json!({ "enabled": true, "folder": "/proc/nowhere/recordings" });
    with_workers("folder", settings, async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        let failed = bench.event("recorder.failed").await;
        assert_eq!((&failed["producer"], &failed["stream"]), (&json!(producer), &json!("cam")));
        source.send(7, true, 200);
        let status = bench.ask(producer, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"][0]["failed"], true, "{status}");
        let figures = bench.written(0).await;
        assert_eq!(
            (&figures["failed"]["sum"], &figures["active"]["sum"]),
            (&json!(1), &json!(0)),
            "{figures}"
        );
    });
}
