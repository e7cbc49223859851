//! Data channels of a mediasoup call.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp};
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

call_test! {
    async fn a_browser_that_names_its_channel_like_a_way_to_a_plugin_gains_nothing() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let mut options = udp();
        options["enableSctp"] = true.into();
        let mallory = Participant::join_over(&conference, &browser, &router, options.clone(), None).await;
        let bob = Participant::join_over(&conference, &browser, &router, options, None).await;
        let media = mallory.publish().await;

        // The server's own way, which shows what a plugin does.
        let direct = id(&conference.call(&id(&router), "createDirectTransport", json!([])).await);
        let own = json!([{ "label": "recorder", "protocol": "sfukit.plugin" }]);
        let own = id(&conference.call(&direct, "produceData", own).await);
        let said = id(&conference.call(&direct, "consumeData", json!([{ "dataProducerId": own }])).await);

        let script = "return await participant.publishData(argument)";
        let channel = json!({ "label": "recorder", "protocol": "sfukit.plugin" });
        let channel = mallory.page.evaluate(script, channel).await;
        let shown = conference.show(channel.as_str().unwrap()).await;
        assert_eq!((&shown["protocol"], &shown["type"]), (&json!("sfukit.plugin"), &json!("sctp")));
        bob.page.evaluate("return await participant.watchData(argument)", channel.clone()).await;
        let requests = [
            json!({ "id": 1, "method": "start" }),
            json!({ "id": 2, "method": "start", "target": media.video }),
            json!({ "id": 3, "method": "enable", "target": id(&router) }),
        ];
        let requests = requests.map(|request| request.to_string());
        let script = "for (const request of argument) await participant.send(request)";
        mallory.page.evaluate(script, json!(requests)).await;

        // They are messages to who listens, and nothing else: nobody answers, and nothing is recorded.
        assert_eq!(receives(&bob, 3).await, json!(requests));
        let status = json!([json!({ "id": 9, "method": "status", "target": id(&router) }).to_string()]);
        conference.call(&own, "send", status).await;
        let heard = conference.wait_for(&said, "message", |_| true).await;
        let bytes: Vec<u8> = serde_json::from_value(heard[0]["data"].clone()).unwrap();
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer, json!({ "id": 9, "ok": { "active": [] } }));
        assert_eq!(receives(&mallory, 0).await, json!([]));
        assert_eq!(conference.events(&said, "message").await.len(), 1, "no event either");
    }
}
