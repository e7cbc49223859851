//! Who joins a mediasoup call late sees at once, and a crowd that does costs the publisher no more than one.
use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, stream};

call_test! {
    async fn a_late_viewer_sees_within_a_second() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        // The browser's encoder is warm before anybody watches.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let script = "const id = await participant.watch(argument, { resume: false }); return await participant.firstPicture(id)";
        let took = bob.page.evaluate(script, json!(published.video)).await.as_f64().unwrap();
        assert!(took < 1000.0, "the first picture came after {took} ms");
    }
}

call_test! {
    async fn ten_joins_within_a_second_cost_at_most_two_key_frames() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let crowd = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        // Everybody has a transport of their own; what is counted begins when they want to see.
        let mut consumers = Vec::new();
        for number in 0..10 {
            let transport = conference.call(&id(&router), "createWebRtcTransport", json!([udp()])).await;
            let script = "participant.open(argument.session, argument.transport); \
                          return await participant.watch(argument.producer, { session: argument.session, resume: false })";
            let argument = json!({ "session": format!("down{number}"), "transport": transport, "producer": published.video });
            consumers.push(crowd.page.evaluate(script, argument).await);
        }
        let key_frames = async || {
            let figures = stream::figures(&alice.page, "up").await;
            stream::number(&figures, "outbound-video", "keyFramesEncoded")
        };
        let before = key_frames().await;
        let script = "return await Promise.all(argument.map(async (id, number) => { \
                          await new Promise(done => setTimeout(done, 90 * number)); return await participant.firstPicture(id); }))";
        let took = crowd.page.evaluate(script, json!(consumers)).await;
        let spent = key_frames().await - before;
        assert!((1.0..=2.0).contains(&spent), "{spent} key frames for ten joins; ms until each saw: {took}");
    }
}
