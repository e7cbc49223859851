//! A mediasoup server takes part in a call itself, through a direct transport.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp_and_data};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, rtp, stream};

/// The bytes of an event's first argument.
fn bytes(event: &Value) -> Vec<u8> {
    let text = event[0]["hex"].as_str().expect("bytes");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn hex(bytes: &[u8]) -> Value {
    json!({ "hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
}

call_test! {
    async fn the_server_gets_rtp_and_rtcp_and_asks_for_key_frames() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        let direct = id(&conference.call(&id(&router), "createDirectTransport", json!([{}])).await);
        let options = json!({ "producerId": published.video, "rtpCapabilities": router["rtpCapabilities"] });
        let shown = conference.call(&direct, "consume", json!([options])).await;
        let (consumer, parameters) = (id(&shown), &shown["rtpParameters"]);
        let ssrc = parameters["encodings"][0]["ssrc"].as_u64().unwrap() as u32;

        let packet = bytes(&conference.wait_for(&consumer, "rtp", |_| true).await);
        let header = rtp::header(&packet).expect("RTP");
        assert_eq!((header.ssrc, json!(header.payload_type)), (ssrc, parameters["codecs"][0]["payloadType"].clone()));
        let is_report = |event: &Value| bytes(event)[1] == 200 && bytes(event)[4..8] == ssrc.to_be_bytes();
        conference.wait_for(&direct, "rtcp", is_report).await;

        conference.call(&consumer, "enableTraceEvent", json!([["pli", "fir"]])).await;
        let key_frames = async || {
            let figures = stream::figures(&alice.page, "up").await;
            stream::number(&figures, "outbound-video", "keyFramesEncoded")
        };
        let before = key_frames().await;
        // PLI (RFC 4585 §6.3.1) and FIR (RFC 5104 §4.3.1) for our consumer, both of a receiver 1.
        let pli = [&[0x81, 206, 0, 2, 0, 0, 0, 1][..], &ssrc.to_be_bytes()].concat();
        let fir = [&[0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0][..], &ssrc.to_be_bytes(), &[1, 0, 0, 0]].concat();
        for (packet, kind, count) in [(pli, "pli", "pliCount"), (fir, "fir", "firCount")] {
            conference.call(&direct, "sendRtcp", json!([hex(&packet)])).await;
            let trace = conference.wait_for(&consumer, "trace", |trace| trace[0]["type"] == kind).await;
            assert_eq!((&trace[0]["direction"], &trace[0]["info"]["ssrc"]), (&json!("in"), &json!(ssrc)), "{trace}");
            assert_eq!(conference.figures(&consumer, "outbound-rtp").await[count], 1);
        }
        conference.call(&consumer, "pause", json!([])).await;
        for left in (0..100).rev() {
            if key_frames().await > before {
                break;
            }
            assert!(left > 0, "no key frame was made");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

call_test! {
    async fn the_server_reads_messages_and_sends_some() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let options = udp_and_data();
        let alice = Participant::join_over(&conference, &browser, &router, options, None).await;
        let script = "return await participant.publishData({})";
        let published = alice.page.evaluate(script, Value::Null).await;
        let direct = id(&conference.call(&id(&router), "createDirectTransport", json!([{}])).await);
        let options = json!([{ "dataProducerId": published }]);
        let consumer = id(&conference.call(&direct, "consumeData", options).await);
        alice.page.evaluate("await participant.send('to the server')", Value::Null).await;
        let message = conference.wait_for(&consumer, "message", |_| true).await;
        assert_eq!((bytes(&message), &message[1]), (b"to the server".to_vec(), &json!(51)));

        let producer = id(&conference.call(&direct, "produceData", json!([{ "label": "news" }])).await);
        alice.page.evaluate("return await participant.watchData(argument)", json!(producer)).await;
        conference.call(&producer, "send", json!(["to the browser"])).await;
        let got = alice.page.evaluate("return await participant.messages(1)", Value::Null).await;
        assert_eq!(got, json!(["to the browser"]));
    }
}
