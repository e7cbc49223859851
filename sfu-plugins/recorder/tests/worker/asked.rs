//! What requests decide.
use sfu_core::control::Target;
use sfu_core::serde_json::{Value, json};

use crate::bench::{is_webm, with_workers};

#[test]
fn a_stream_is_recorded_as_webm_on_request_and_full_files_are_followed_by_others() {
    with_workers("webm", json!({ "max_bytes": 100_000 }), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        source.send(7, true, 200);
        let start = json!({ "method": "start", "stream": "cam", "format": "webm", "file": "film.webm" });
        bench.ask(Target::Worker, start).await.unwrap();
        for n in 0..300 {
            source.send(7, n % 20 == 0, 1000);
        }
        let started = bench.event("recorder.started").await;
        assert_eq!((&started["file"], &started["producer"]), (&json!("film.webm"), &json!(producer)));
        let full = bench.event("recorder.stopped").await;
        assert_eq!(
            (&full["file"], &full["finished"], &full["kind"]),
            (&json!("film.webm"), &json!(true), &json!("video"))
        );
        assert_eq!(bench.event("recorder.started").await["file"], "film-1.webm");
        bench.written(300).await;
        let status = bench.ask(producer, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"][0]["lost_frames"], 0, "{status}");
        bench.ask(Target::Worker, json!({ "method": "stop", "stream": "cam" })).await.unwrap();
        let mut frames = full["frames"].as_u64().unwrap();
        while frames < 300 {
            frames += bench.event("recorder.stopped").await["frames"].as_u64().unwrap();
        }
        assert_eq!(frames, 300);
        let list = bench.ask(Target::Worker, json!({ "method": "list" })).await.unwrap();
        let files = list["files"].as_array().unwrap();
        assert!(files.len() >= 3, "{list}");
        for file in files {
            assert_eq!(
                (&file["state"], &file["codec"], &file["kind"]),
                (&json!("finished"), &json!("vp8"), &json!("video"))
            );
            assert!(
                file["started"].as_u64() > Some(1_700_000_000_000) && is_webm(&bench.file(file)),
                "{file}"
            );
        }
        let located =
            bench.ask(Target::Worker, json!({ "method": "locate", "file": "film-1.webm" })).await.unwrap();
        assert!(located["path"].as_str().unwrap().ends_with("/film-1.webm"), "{located}");
    });
}

#[test]
fn a_stream_is_recorded_on_request_in_mid_call() {
    with_workers("stream", json!({}), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7, 8]).await;
        for n in 0..20 {
            source.send(7, n == 0, 200);
        }
        let answer = bench.ask(Target::Worker, json!({ "method": "start", "stream": "cam" })).await.unwrap();
        let found = json!({ "stream": "cam", "producers": [producer], "waiting": false, "complete": true });
        assert_eq!(answer, found);
        let (first, second) = (bench.event("recorder.started").await, bench.event("recorder.started").await);
        assert_eq!((&first["encoding"], &second["encoding"]), (&json!(0), &json!(1)));
        // Asked twice, it goes on in the same files.
        bench.ask(Target::Worker, json!({ "method": "start", "stream": "cam" })).await.unwrap();
        for n in 0..30 {
            source.send(7, n == 5, 200);
        }
        bench.written(25).await;
        let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"].as_array().unwrap().len(), 2, "{status}");
        assert_eq!(
            (&status["active"][0]["packets"], &status["active"][0]["file"]),
            (&json!(25), &first["file"])
        );
        let at = bench.ask(producer, json!({ "method": "status" })).await.unwrap();
        assert_eq!(at, status);
        // A producer that begins while its stream is recorded is recorded too.
        let (_, later, mut more) = bench.publish(0, "cam", &[11]).await;
        more.send(11, true, 200);
        let started = bench.event("recorder.started").await;
        assert_eq!(started["producer"], json!(later));
        let answer = bench.ask(Target::Worker, json!({ "method": "stop", "stream": "cam" })).await.unwrap();
        let mut both = [producer, later];
        both.sort();
        assert_eq!(answer["producers"], json!(both));
        let mut packets = Vec::new();
        for _ in 0..3 {
            let stopped = bench.event("recorder.stopped").await;
            packets.push((stopped["producer"] == json!(producer), stopped["packets"].as_u64().unwrap()));
        }
        packets.sort_unstable();
        assert!(packets[1..] == [(true, 0), (true, 25)], "{packets:?}");
        let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status, json!({ "active": [] }));
        assert_eq!(std::fs::read(bench.file(&second)).unwrap(), b"MJR00002");
    });
}

#[test]
fn a_target_is_recorded_on_request() {
    with_workers("target", json!({}), async |mut bench, on| {
        let (router, producer, mut source) = bench.publish(on, "../..", &[7]).await;
        let start = json!({ "method": "start", "file": "{label:room}.{stream}" });
        assert_eq!(bench.ask(router, start).await.unwrap(), json!({ "producers": [producer] }));
        let started = bench.event("recorder.started").await;
        assert_eq!(started["file"], "blue._._._.mjr");
        source.send(7, true, 200);
        source.send(7, false, 1501);
        source.send(7, false, 1500);
        bench.written(2).await;
        assert_eq!(
            bench.ask(router, json!({ "method": "stop" })).await.unwrap(),
            json!({ "producers": [producer] })
        );
        let stopped = bench.event("recorder.stopped").await;
        assert_eq!((&stopped["packets"], &stopped["oversize"]), (&json!(2), &json!(1)));
        let stats = bench.control().stats(Target::Worker).await.unwrap();
        assert_eq!(stats.plugins["recorder"]["oversize"], json!({ "sum": 1 }));
    });
}

#[test]
fn wrong_requests_are_told_what_would_be_right() {
    with_workers("wrong", json!({}), async |bench, on| {
        let (_, producer, _source) = bench.publish(on, "cam", &[7]).await;
        let wrong = async |target: Target, body: Value| bench.ask(target, body).await.unwrap_err();
        let text = wrong(Target::Worker, json!({ "method": "start" })).await;
        assert!(text.starts_with("plugins.recorder: which one?"), "{text}");
        let text = wrong(Target::Worker, json!({ "method": "start", "stream": "x", "file": "../x" })).await;
        assert!(text.contains("name a file, not a path"), "{text}");
        let text = wrong(producer.into(), json!({ "method": "list" })).await;
        assert!(text.contains("without a target"), "{text}");
        let text = wrong(producer.into(), json!({ "method": "stop", "stream": "cam" })).await;
        assert!(text.starts_with("plugins.recorder.stream"), "{text}");
        let none = bench.ask(Target::Worker, json!({ "method": "start", "stream": "nobody" })).await.unwrap();
        assert_eq!((&none["producers"], &none["waiting"]), (&json!([]), &json!(true)));
        let list = bench.ask(Target::Worker, json!({ "method": "list" })).await.unwrap();
        assert_eq!(list, json!({ "files": [], "complete": true }));
    });
}

#[test]
fn a_stream_that_was_stopped_stays_so_when_its_publisher_comes_back() {
    with_workers("back", json!({ "enabled": true }), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        source.send(7, true, 200);
        bench.written(1).await;
        bench.ask(Target::Worker, json!({ "method": "stop", "stream": "cam" })).await.unwrap();
        bench.event("recorder.stopped").await;
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let (_, _, mut again) = bench.publish(0, "cam", &[8]).await;
        again.send(8, true, 200);
        // Another stream is recorded as ever; by then the first one would be too.
        let (_, other, mut screen) = bench.publish(0, "screen", &[9]).await;
        screen.send(9, true, 200);
        assert_eq!(bench.event("recorder.started").await["producer"], json!(other));
        bench.written(2).await;
        let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"].as_array().unwrap().len(), 1, "{status}");
        bench.ask(Target::Worker, json!({ "method": "start", "stream": "cam" })).await.unwrap();
        assert_eq!(bench.event("recorder.started").await["stream"], "cam");
    });
}
