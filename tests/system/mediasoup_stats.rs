//! What a mediasoup server counts is what the browsers count.
use std::time::Duration;

use serde_json::Value;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, Participant, Relayed, udp};
use sfu_tests::relay::Impairment;
use sfu_tests::stream::{self, number};
use sfu_tests::{call_test, needs};

/// Asserts that two counts agree within 5 %, or 1 where they are small.
fn agree(what: &str, ours: &Value, theirs: f64) {
    let ours = ours.as_f64().unwrap_or_else(|| panic!("{what} is {ours}"));
    assert!((ours - theirs).abs() <= (theirs * 0.05).max(1.0), "{what}: worker {ours}, browser {theirs}");
}

call_test! {
    async fn counts_agree_with_both_browsers() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        // Only what the viewer gets is lost: what it sends back is counted at both ends.
        let relayed = Relayed::new("down", Impairment { spares_up: true, ..Impairment::loss(0.05) });
        let bob = Participant::join_over(&conference, &browser, &router, udp(), Some(&relayed)).await;
        let published = alice.publish().await;
        let watched = bob.watch(&published).await;
        bob.sees().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let script = "for (const producer of participant.producers.values()) await producer.replaceTrack({ track: null })";
        alice.page.evaluate(script, Value::Null).await;
        // The last repairs and reports pass.
        tokio::time::sleep(Duration::from_millis(2500)).await;

        let (sent, seen) = (stream::figures(&alice.page, "up").await, stream::figures(&bob.page, "down").await);
        for (kind, producer, consumer) in
            [("audio", &published.audio, &watched.audio), ("video", &published.video, &watched.video)]
        {
            let (outbound, inbound) = (format!("outbound-{kind}"), format!("inbound-{kind}"));
            let received = conference.figures(producer, "inbound-rtp").await;
            let forwarded = conference.figures(consumer, "outbound-rtp").await;
            println!("{kind}\nsent {:#}\nreceived {received:#}\nforwarded {forwarded:#}\nseen {:#}", sent[&outbound], seen[&inbound]);
            let bytes = number(&sent, &outbound, "bytesSent") + number(&sent, &outbound, "headerBytesSent");
            agree("packets received", &received["packetCount"], number(&sent, &outbound, "packetsSent"));
            agree("bytes received", &received["byteCount"], bytes);
            agree("packets lost by nobody", &received["packetsLost"], 0.0);
            agree("packets lost", &forwarded["packetsLost"], number(&seen, &inbound, "packetsLost"));
            if kind == "video" {
                agree("PLI received", &forwarded["pliCount"], number(&seen, &inbound, "pliCount"));
                agree("PLI sent", &received["pliCount"], number(&sent, &outbound, "pliCount"));
                agree("NACK", &forwarded["nackCount"], number(&seen, &inbound, "nackCount"));
                assert!(forwarded["nackCount"].as_u64() > Some(5), "{forwarded:#}");
            }
        }
    }
}
