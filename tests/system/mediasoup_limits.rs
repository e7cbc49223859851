//! What the path to one viewer of a mediasoup call carries decides what that viewer gets, and no other.
use std::time::{Duration, Instant};

use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, udp};
use sfu_tests::participant::{Participant, Relayed};
use sfu_tests::relay::Impairment;
use sfu_tests::stream::{self, number};
use sfu_tests::{call_test, needs};

/// How soon the lowest layer is seen on a path that became narrow.
const LOWEST_WITHIN: Duration = Duration::from_secs(10);

/// Pictures that a participant decodes in a second, over five of them.
async fn picture_rate(participant: &Participant<'_>) -> f64 {
    let pictures =
        async || number(&stream::figures(&participant.page, "down").await, "inbound-video", "framesDecoded");
    let (before, since) = (pictures().await, Instant::now());
    tokio::time::sleep(Duration::from_secs(5)).await;
    (pictures().await - before) / since.elapsed().as_secs_f64()
}

call_test! {
    async fn a_narrow_path_gets_the_lowest_layer_and_others_keep_the_highest() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let relayed = Relayed::new("down", Impairment::default());
        let alice = Participant::join(&conference, &browser, &router).await;
        let narrow = Participant::join_over(&conference, &browser, &router, udp(), Some(&relayed)).await;
        let wide = Participant::join(&conference, &browser, &router).await;
        let encodings = json!([
            { "scaleResolutionDownBy": 4, "maxBitrate": 100_000, "scalabilityMode": "L1T1" },
            { "scaleResolutionDownBy": 2, "maxBitrate": 350_000, "scalabilityMode": "L1T1" },
            { "scaleResolutionDownBy": 1, "maxBitrate": 900_000, "scalabilityMode": "L1T1" },
        ]);
        let published = alice.publish_with(json!({ "width": 960, "height": 540, "encodings": encodings })).await;
        let watched = narrow.watch(&published).await;
        wide.watch(&published).await;
        narrow.sees_height(540, Duration::from_secs(40)).await;
        wide.sees_height(540, Duration::from_secs(40)).await;

        let limited = Instant::now();
        relayed.relay.get().unwrap().set(Impairment { rate: Some(300_000), spares_up: true, ..Impairment::default() });
        narrow.sees_height(135, Duration::from_secs(30)).await;
        assert!(limited.elapsed() < LOWEST_WITHIN, "the lowest layer was seen after {:?}", limited.elapsed());
        conference.wait_for(&watched.video, "layerschange", |layers| layers[0]["spatialLayer"] == 0).await;
        // Pictures go on; where the machine is too busy to make so many, as on the wide path.
        conference.call(&narrow.down, "enableTraceEvent", json!([["probation"]])).await;
        let (seen_narrow, seen_wide) = tokio::join!(picture_rate(&narrow), picture_rate(&wide));
        let enough = seen_narrow >= 10.0 || seen_narrow >= 0.9 * seen_wide;
        assert!(enough && seen_wide > 1.0, "{seen_narrow} pictures/s, and {seen_wide} on the wide path");
        // The publisher may still be finding out what its own path carries.
        wide.sees_height(540, Duration::from_secs(20)).await;
        let figures = stream::figures(&wide.page, "down").await;
        assert_eq!(number(&figures, "inbound-video", "packetsLost"), 0.0, "{figures:#}");

        // Padding finds out that the path is wide again.
        relayed.relay.get().unwrap().set(Impairment::default());
        narrow.sees_height(540, Duration::from_secs(90)).await;
        let probe = conference.wait_for(&narrow.down, "trace", |trace| trace[0]["type"] == "probation").await;
        assert_eq!(probe[0]["direction"], "out", "{probe}");
        let figures = conference.call(&narrow.down, "getStats", json!([])).await[0].take();
        assert!(figures["probationBytesSent"].as_u64() > Some(1000), "{figures:#}");
    }
}
