//! What a mediasoup server closes, its consumers hear of, and their streams end.
use std::time::Duration;

use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, stream};

call_test! {
    async fn producers_and_transports_end_their_consumers() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        let watched = bob.watch(&published).await;
        bob.sees().await;

        conference.call(&published.video, "close", json!([])).await;
        conference.wait_for(&watched.video, "producerclose", |_| true).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let closed = stream::figures(&bob.page, "down").await;
        let now = stream::grows(&bob.page, "down", &[("inbound-audio", "packetsReceived", 25.0)]).await;
        let of = |figures, kind| stream::number(figures, kind, "packetsReceived");
        assert_eq!(of(&now, "inbound-video"), of(&closed, "inbound-video"), "video after its producer closed");

        conference.call(&alice.up, "close", json!([])).await;
        conference.wait_for(&published.audio, "transportclose", |_| true).await;
        conference.wait_for(&watched.audio, "producerclose", |_| true).await;
        conference.call(&bob.down, "close", json!([])).await;
        // DTLS says goodbye, so the browser does not wait for its consent to run out. The state of the whole connection says less:
        // a browser calls it connected until its checks fail too.
        let script = "return [...(await raw.sessions.down.pc.getStats()).values()].find(each => each.type === 'transport').dtlsState";
        for left in (0..100).rev() {
            let state = bob.page.evaluate(script, json!(null)).await;
            if state == "closed" {
                break;
            }
            assert!(left > 0, "DTLS of the closed transport is still {state}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
