//! Data channels of a mediasoup call.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp_and_data};
use sfu_tests::participant::{Participant, Relayed};
use sfu_tests::relay::Impairment;
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
        let options = udp_and_data();
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
        let options = udp_and_data();
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
        let text = heard[0]["hex"].as_str().unwrap();
        let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().unwrap();
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer, json!({ "id": 9, "ok": { "active": [] } }));
        assert_eq!(receives(&mallory, 0).await, json!([]));
        assert_eq!(conference.events(&said, "message").await.len(), 1, "no event either");
    }
}

call_test! {
    async fn what_happens_to_the_channel_is_told() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let options = udp_and_data();
        let relayed = Relayed::new("down", Impairment::default());
        let bob = Participant::join_over(&conference, &browser, &router, options, Some(&relayed)).await;
        // The server itself sends.
        let direct = id(&conference.call(&id(&router), "createDirectTransport", json!([{}])).await);
        let producer = id(&conference.call(&direct, "produceData", json!([{ "label": "news" }])).await);
        let script = "return await participant.watchData(argument)";
        let consumer = bob.page.evaluate(script, json!(producer)).await;
        let consumer = consumer.as_str().unwrap();
        for state in ["connecting", "connected"] {
            conference.wait_for(&bob.down, "sctpstatechange", |told| told[0] == state).await;
        }
        let negotiated = &conference.show(&bob.down).await["sctpNegotiatedCapabilities"];
        for streams in ["negotiatedMaxOutboundStreams", "negotiatedMaxInboundStreams"] {
            assert!(negotiated[streams].as_u64() > Some(0), "{negotiated}");
        }

        conference.call(&producer, "pause", json!([])).await;
        conference.wait_for(consumer, "dataproducerpause", |_| true).await;
        conference.call(&producer, "resume", json!([])).await;
        conference.wait_for(consumer, "dataproducerresume", |_| true).await;

        // Nothing arrives, so the megabytes wait; then all of what fitted does.
        relayed.relay.get().unwrap().set(Impairment::loss(1.0));
        let message = "x".repeat(200_000);
        for _ in 0..11 {
            conference.call(&producer, "send", json!([message])).await;
        }
        conference.wait_for(consumer, "sctpsendbufferfull", |_| true).await;
        let waits = conference.call(consumer, "getStats", json!([])).await[0]["bufferedAmount"].clone();
        assert!(waits.as_u64() > Some(1_000_000), "{waits} bytes wait");
        relayed.relay.get().unwrap().set(Impairment::default());
        let low = conference.wait_for(consumer, "bufferedamountlow", |_| true).await;
        assert!(low[0].as_u64() <= Some(1024), "{low}");
        assert_eq!(receives(&bob, 10).await.as_array().map(Vec::len), Some(10));

        conference.call(&producer, "close", json!([])).await;
        conference.wait_for(consumer, "dataproducerclose", |_| true).await;
    }
}
