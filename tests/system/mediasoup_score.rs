//! Producers and consumers of a mediasoup call are told how well their streams do.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, Participant};
use sfu_tests::{call_test, needs};

call_test! {
    async fn scores_rise_with_a_stream_and_fall_when_it_ends() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        let watched = bob.watch(&published).await;
        bob.sees().await;
        let pairs = [(&published.audio, &watched.audio), (&published.video, &watched.video)];
        for (producer, _) in pairs {
            conference.wait_for(producer, "score", |score| score[0][0]["score"] == 10).await;
        }
        let script = "for (const producer of participant.producers.values()) await producer.replaceTrack({ track: null })";
        alice.page.evaluate(script, Value::Null).await;
        for (producer, consumer) in pairs {
            conference.wait_for(producer, "score", |score| score[0][0]["score"] == 0).await;
            let fallen = |score: &Value| score[0]["producerScore"] == 0 && score[0]["producerScores"] == json!([0]);
            conference.wait_for(consumer, "score", fallen).await;
        }
    }
}
