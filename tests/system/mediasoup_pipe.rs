//! A room of a mediasoup server spans two workers.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp_and_data};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn a_call_through_a_pipe_between_two_workers() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let here = conference.router(&conference.worker().await, "VP8").await;
        let there = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let options = udp_and_data();
        let alice = Participant::join_over(&conference, &browser, &here, options.clone(), None).await;
        let bob = Participant::join_over(&conference, &browser, &there, options, None).await;
        let published = alice.publish().await;
        let mut pipe_consumer = String::new();
        for producer in [&published.audio, &published.video] {
            let pipe = json!([{ "producerId": producer, "router": { "object": id(&there) } }]);
            let piped = conference.call(&id(&here), "pipeToRouter", pipe).await;
            assert_eq!(piped["pipeProducer"]["id"], **producer, "{piped:#}");
            pipe_consumer = id(&piped["pipeConsumer"]);
        }
        let script = "return await participant.publishData({ label: 'chat', protocol: 'text' })";
        let data = alice.page.evaluate(script, Value::Null).await;
        let pipe = json!([{ "dataProducerId": data, "router": { "object": id(&there) } }]);
        let piped = conference.call(&id(&here), "pipeToRouter", pipe).await;
        assert_eq!((&piped["pipeDataProducer"]["id"], &piped["pipeDataProducer"]["label"]), (&data, &json!("chat")), "{piped:#}");
        let watched = bob.watch(&published).await;
        bob.sees().await;
        // The pipe has figures of what it sends, and of nothing else.
        let stats = conference.call(&pipe_consumer, "getStats", json!([])).await;
        assert_eq!(stats.as_array().map(Vec::len), Some(1), "{stats:#}");
        for name in ["packetCount", "byteCount", "bitrate"] {
            assert!(stats[0][name].as_f64() > Some(0.0), "{name}: {stats:#}");
        }
        assert_eq!((&stats[0]["type"], &stats[0]["mimeType"]), (&json!("outbound-rtp"), &json!("video/VP8")), "{stats:#}");
        bob.page.evaluate("return await participant.watchData(argument)", data.clone()).await;
        // Short text in order, nothing at all, and bytes that take many packets.
        let script = "for (let n = 0; n < 20; n++) await participant.send(`message ${n}`); \
                      await participant.send(''); await participant.send(new Uint8Array(100_000).fill(7))";
        alice.page.evaluate(script, Value::Null).await;
        let mut wanted: Vec<Value> = (0..20).map(|n| json!(format!("message {n}"))).collect();
        wanted.extend([json!(""), json!({ "bytes": 100_000, "last": 7 })]);
        assert_eq!(bob.page.evaluate("return await participant.messages(22)", Value::Null).await, json!(wanted));

        conference.call(&published.video, "pause", json!([])).await;
        conference.wait_for(&watched.video, "producerpause", |_| true).await;
        conference.call(&published.video, "resume", json!([])).await;
        conference.wait_for(&watched.video, "producerresume", |_| true).await;
        bob.sees().await;
        conference.call(&published.video, "close", json!([])).await;
        conference.wait_for(&watched.video, "producerclose", |_| true).await;
    }
}
