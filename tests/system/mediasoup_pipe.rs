//! A room of a mediasoup server spans two workers.
use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn a_call_through_a_pipe_between_two_workers() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let here = conference.router(&conference.worker().await, "VP8").await;
        let there = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &here).await;
        let bob = Participant::join(&conference, &browser, &there).await;
        let published = alice.publish().await;
        for producer in [&published.audio, &published.video] {
            let pipe = json!([{ "producerId": producer, "router": { "object": id(&there) } }]);
            let piped = conference.call(&id(&here), "pipeToRouter", pipe).await;
            assert_eq!(piped["pipeProducer"]["id"], **producer, "{piped:#}");
        }
        let watched = bob.watch(&published).await;
        bob.sees().await;

        conference.call(&published.video, "pause", json!([])).await;
        conference.wait_for(&watched.video, "producerpause", |_| true).await;
        conference.call(&published.video, "resume", json!([])).await;
        conference.wait_for(&watched.video, "producerresume", |_| true).await;
        bob.sees().await;
        conference.call(&published.video, "close", json!([])).await;
        conference.wait_for(&watched.video, "producerclose", |_| true).await;
    }
}
