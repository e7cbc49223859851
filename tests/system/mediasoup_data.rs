//! Data channels of a mediasoup call.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, udp};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

async fn receives(participant: &Participant<'_>, count: u64) -> Value {
    let script = "return await participant.messages(argument)";
    participant.page.evaluate(script, json!(count)).await
}

call_test! {
    async fn messages_pass_between_browsers_in_order() {
        needs!("chromium", "firefox-esr", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let (chromium, firefox) = tokio::join!(Browser::launch(Kind::Chromium), Browser::launch(Kind::Firefox));
        let mut options = udp();
        options["enableSctp"] = true.into();
        let alice = Participant::join_over(&conference, &chromium, &router, options.clone(), None).await;
        let bob = Participant::join_over(&conference, &firefox, &router, options, None).await;
        let script = "return await participant.publishData(argument)";
        let published = alice.page.evaluate(script, json!({ "label": "chat", "protocol": "text" })).await;
        let shown = conference.show(published.as_str().unwrap()).await;
        assert_eq!((&shown["label"], &shown["protocol"]), (&json!("chat"), &json!("text")));
        bob.page.evaluate("return await participant.watchData(argument)", published.clone()).await;

        // Short text, nothing at all, and bytes that take many packets.
        let script = "for (let n = 0; n < 100; n++) await participant.send(`message ${n}`); \
                      await participant.send(''); await participant.send(new Uint8Array(100_000).fill(7))";
        alice.page.evaluate(script, Value::Null).await;
        let mut wanted: Vec<Value> = (0..100).map(|n| json!(format!("message {n}"))).collect();
        wanted.extend([json!(""), json!({ "bytes": 100_000, "last": 7 })]);
        assert_eq!(receives(&bob, 102).await, json!(wanted));
        let stats = conference.call(published.as_str().unwrap(), "getStats", json!([])).await;
        assert_eq!(stats[0]["messagesReceived"], 102, "{stats:#}");
    }
}
