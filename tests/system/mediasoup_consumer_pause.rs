//! A consumer of a mediasoup call is paused and resumed.
use std::time::Duration;

use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, stream};

call_test! {
    async fn a_paused_consumer_is_silent_and_goes_on_with_a_key_frame() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let consumer = bob.watch(&alice.publish().await).await.video;
        bob.sees().await;

        conference.call(&consumer, "pause", json!([])).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let paused = stream::figures(&bob.page, "down").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = stream::figures(&bob.page, "down").await;
        let of = |figures, name| stream::number(figures, "inbound-video", name);
        assert_eq!(of(&later, "packetsReceived"), of(&paused, "packetsReceived"), "packets while paused");

        conference.call(&consumer, "resume", json!([])).await;
        let resumed = bob.sees_pictures().await;
        assert!(of(&resumed, "keyFramesDecoded") > of(&paused, "keyFramesDecoded"), "{resumed:#}");
        assert_eq!(of(&resumed, "packetsLost"), 0.0, "what was not sent is not lost: {resumed:#}");
    }
}
