//! What a mediasoup server counts is what the browsers count.
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, udp};
use sfu_tests::participant::{Participant, Published, Relayed, Watched};
use sfu_tests::relay::Impairment;
use sfu_tests::{call_test, needs, stream};

/// Stops or starts what a page sends, and waits until the last repairs and reports have passed.
async fn send(participant: &Participant<'_>, on: bool) {
    let script = "for (const producer of participant.producers.values()) { \
                      producer.kept ??= producer.track; await producer.replaceTrack({ track: argument ? producer.kept : null }); }";
    participant.page.evaluate(script, json!(on)).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
}

/// What everybody counted of one kind: the sender, the worker of the producer, the worker of the consumer, the receiver.
async fn counted(conference: &Conference, call: &Call<'_>, kind: &str) -> [Value; 4] {
    let (producer, consumer) = match kind {
        "audio" => (&call.published.audio, &call.watched.audio),
        _ => (&call.published.video, &call.watched.video),
    };
    [
        stream::figures(&call.alice.page, "up").await[format!("outbound-{kind}")].take(),
        conference.figures(producer, "inbound-rtp").await,
        conference.figures(consumer, "outbound-rtp").await,
        stream::figures(&call.bob.page, "down").await[format!("inbound-{kind}")].take(),
    ]
}

struct Call<'b> {
    alice: Participant<'b>,
    bob: Participant<'b>,
    published: Published,
    watched: Watched,
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
        let call = Call { alice, bob, published, watched };
        // Chromium begins with padding, which it counts as packets and a worker does not: count from later on.
        send(&call.alice, false).await;
        let before = [counted(&conference, &call, "audio").await, counted(&conference, &call, "video").await];
        send(&call.alice, true).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        send(&call.alice, false).await;

        for (kind, before) in ["audio", "video"].into_iter().zip(before) {
            let after = counted(&conference, &call, kind).await;
            let grown = |who: usize, name: &str| {
                let of = |figures: &[Value; 4]| figures[who][name].as_f64().unwrap_or_default();
                of(&after) - of(&before)
            };
            let agree = |what: &str, ours: f64, theirs: f64| {
                let is_near = (ours - theirs).abs() <= (theirs * 0.05).max(1.0);
                assert!(is_near, "{kind}, {what}: worker {ours}, browser {theirs}\nbefore {before:#?}\nafter {after:#?}");
            };
            assert!(grown(1, "packetCount") > 100.0, "{after:#?}");
            agree("packets received", grown(1, "packetCount"), grown(0, "packetsSent"));
            agree("bytes received", grown(1, "byteCount"), grown(0, "bytesSent") + grown(0, "headerBytesSent"));
            agree("lost by nobody", grown(1, "packetsLost"), 0.0);
            let arrived = grown(3, "packetsReceived") - grown(3, "retransmittedPacketsReceived");
            agree("packets sent", grown(2, "packetCount"), arrived + grown(3, "packetsLost"));
            // Of audio Chromium reports every five seconds or so, which the wait is too short for.
            if kind == "video" {
                agree("lost", grown(2, "packetsLost"), grown(3, "packetsLost"));
            }
            agree("NACK", grown(2, "nackCount"), grown(3, "nackCount"));
            agree("PLI received", grown(2, "pliCount"), grown(3, "pliCount"));
            agree("PLI sent", grown(1, "pliCount"), grown(0, "pliCount"));
            assert!(kind == "audio" || grown(2, "nackCount") > 3.0, "{after:#?}");
        }
    }
}
