//! Producers and consumers of a mediasoup call are told how well their streams do.
use serde_json::Value;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, udp};
use sfu_tests::participant::{Participant, Relayed};
use sfu_tests::relay::Impairment;
use sfu_tests::{call_test, needs};

call_test! {
    async fn scores_begin_with_ten_and_fall_with_loss() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let relayed = Relayed::new("up", Impairment::default());
        let alice = Participant::join_over(&conference, &browser, &router, udp(), Some(&relayed)).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        let watched = bob.watch(&published).await;
        bob.sees().await;
        let pairs = [(&published.audio, &watched.audio), (&published.video, &watched.video)];
        for (producer, consumer) in pairs {
            let first = conference.wait_for(producer, "score", |_| true).await;
            assert_eq!((first[0][0]["score"].as_u64(), first[0][0]["encodingIdx"].as_u64()), (Some(10), Some(0)), "{first}");
            assert!(first[0][0]["ssrc"].as_u64() > Some(0), "{first}");
            let begun = conference.show(consumer).await["score"].clone();
            assert_eq!((&begun["score"], &begun["producerScore"]), (&10.into(), &10.into()), "{begun}");
        }
        relayed.relay.get().unwrap().set(Impairment::loss(0.4));
        for (producer, consumer) in pairs {
            conference.wait_for(producer, "score", |score| score[0][0]["score"].as_u64() < Some(10)).await;
            // Its own score may fall, too: what was lost on the way up is a gap to the viewer.
            let fallen = |score: &Value| score[0]["producerScore"].as_u64() < Some(10) && score[0]["score"].is_u64();
            conference.wait_for(consumer, "score", fallen).await;
        }
    }
}
