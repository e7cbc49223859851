//! A mediasoup server watches packets pass.
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, udp};
use sfu_tests::participant::{Participant, Relayed};
use sfu_tests::relay::Impairment;
use sfu_tests::sender::{Medium, Sender};
use sfu_tests::{call_test, needs};

call_test! {
    async fn every_kind_of_trace_is_told() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let lossy = |session| Relayed::new(session, Impairment::loss(0.05));
        let (up, down) = (lossy("up"), lossy("down"));
        let alice = Participant::join_over(&conference, &browser, &router, udp(), Some(&up)).await;
        let bob = Participant::join_over(&conference, &browser, &router, udp(), Some(&down)).await;
        let published = alice.publish().await;
        let consumer = bob.watch(&published).await.video;
        // The other one of transports, `probation`, is seen in `mediasoup_limits.rs`.
        conference.call(&bob.down, "enableTraceEvent", json!([["bwe"]])).await;
        conference.call(&published.video, "enableTraceEvent", json!([["rtp", "keyframe", "nack", "pli", "sr"]])).await;
        conference.call(&consumer, "enableTraceEvent", json!([["rtp", "keyframe", "nack"]])).await;
        // One that is asked for while another is on its way costs no PLI of its own, and a PLI is lost now and then, twice in a row, too.
        for _ in 0..10 {
            conference.call(&consumer, "requestKeyFrame", json!([])).await;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            // A key frame of before, which the consumer was not watched for yet, may be the one that the producer tells of.
            let is_told = async |id: &str, kind: &str| {
                conference.events(id, "trace").await.iter().any(|trace| trace[0]["type"] == kind)
            };
            if is_told(&published.video, "pli").await && is_told(&consumer, "keyframe").await {
                break;
            }
        }
        let told = async |id: &str, kind: &str, direction: &str| {
            let wanted = |trace: &Value| trace[0]["type"] == kind && trace[0]["direction"] == direction;
            conference.wait_for(id, "trace", wanted).await[0]["info"].clone()
        };
        for (id, direction, asked, is_asked) in [(&published.video, "in", "pli", "out"), (&consumer, "out", "nack", "in")] {
            told(id, asked, is_asked).await;
            let packet = told(id, "rtp", direction).await;
            assert!(packet["rtpPacket"]["payloadSize"].as_u64() > Some(0), "{packet}");
            told(id, "keyframe", direction).await;
        }
        told(&published.video, "nack", "out").await;
        let report = told(&published.video, "sr", "in").await;
        assert!(report["packetCount"].as_u64() > Some(0), "{report}");
        let estimate = told(&bob.down, "bwe", "out").await;
        assert!(estimate["availableBitrate"].as_u64() > Some(0), "{estimate}");
    }
}

call_test! {
    async fn a_turned_camera_is_told() {
        needs!("node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let mut camera = Sender::join(&conference, &router, Medium::Video, "urn:3gpp:video-orientation").await;
        // 3GPP TS 26.114 §7.4.5: C, F and two bits of rotation.
        for (byte, seen) in [
            (0b0001, json!({ "camera": false, "flip": false, "rotation": 90 })),
            (0b1111, json!({ "camera": true, "flip": true, "rotation": 270 })),
        ] {
            camera.send(byte).await;
            conference.wait_for(&camera.producer, "videoorientationchange", |told| told[0] == seen).await;
        }
    }
}
