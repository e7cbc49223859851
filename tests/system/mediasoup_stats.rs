//! What a mediasoup server counts is what the browsers count.
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp, udp_and_data};
use sfu_tests::participant::{Participant, Published, Relayed, Watched};
use sfu_tests::relay::Impairment;
use sfu_tests::sender::{Medium, Sender};
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

/// Likewise, once the receiver's last report has come: of audio Chromium writes one every five seconds or so.
async fn reported(conference: &Conference, call: &Call<'_>, kind: &str, before: &[Value; 4]) -> [Value; 4] {
    let end = Instant::now() + Duration::from_secs(12);
    loop {
        let after = counted(conference, call, kind).await;
        let lost = |who: usize| {
            let of = |figures: &[Value; 4]| figures[who]["packetsLost"].as_f64().unwrap_or_default();
            of(&after) - of(before)
        };
        if lost(2) == lost(3) || Instant::now() > end {
            return after;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
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
            let after = reported(&conference, &call, kind, &before).await;
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
            agree("lost", grown(2, "packetsLost"), grown(3, "packetsLost"));
            agree("NACK", grown(2, "nackCount"), grown(3, "nackCount"));
            agree("PLI received", grown(2, "pliCount"), grown(3, "pliCount"));
            agree("PLI sent", grown(1, "pliCount"), grown(0, "pliCount"));
            assert!(kind == "audio" || grown(2, "nackCount") > 3.0, "{after:#?}");
        }
    }
}

/// What a transport counts in each direction; `probationBytesSent` is seen in `mediasoup_limits.rs`, where a path is probed.
const RECEIVED: &[&str] = &[
    "bytesReceived",
    "recvBitrate",
    "bytesSent",
    "sendBitrate",
    "rtpBytesReceived",
    "rtpRecvBitrate",
    "rtxBytesReceived",
    "rtxRecvBitrate",
    "availableIncomingBitrate",
    "maxIncomingBitrate",
    "rtpPacketLossReceived",
];
const SENT: &[&str] = &[
    "bytesReceived",
    "recvBitrate",
    "bytesSent",
    "sendBitrate",
    "rtpBytesSent",
    "rtpSendBitrate",
    "rtxBytesSent",
    "rtxSendBitrate",
    "availableOutgoingBitrate",
    "maxOutgoingBitrate",
    "minOutgoingBitrate",
    "rtpPacketLossSent",
];
/// What is counted of a stream, in both directions. PLI and FIR of a viewer are seen in `mediasoup_direct.rs`; FIR to a producer, and
/// what is discarded, below.
const STREAM: &[&str] = &[
    "packetCount",
    "byteCount",
    "bitrate",
    "score",
    "packetsLost",
    "fractionLost",
    "jitter",
    "packetsRetransmitted",
    "packetsRepaired",
    "nackCount",
    "nackPacketCount",
    "roundTripTime",
    "ssrc",
    "rtxSsrc",
    "timestamp",
];

/// What of an object's figures has not yet been other than zero.
struct Missing<'a> {
    id: &'a str,
    kind: Option<&'static str>,
    names: Vec<&'static str>,
}

impl Missing<'_> {
    async fn look(&mut self, conference: &Conference) {
        let figures = match self.kind {
            Some(kind) => conference.figures(self.id, kind).await,
            None => conference.call(self.id, "getStats", json!([])).await[0].take(),
        };
        self.names.retain(|name| figures[name].as_f64().unwrap_or_default() == 0.0);
    }
}

call_test! {
    async fn no_figure_stays_zero() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let options = udp_and_data();
        // So much jitter that some packets come after they were asked for again.
        let poor = Impairment { jitter: Duration::from_millis(60), ..Impairment::loss(0.05) };
        let (up, down) = (Relayed::new("up", poor), Relayed::new("down", poor));
        let alice = Participant::join_over(&conference, &browser, &router, options.clone(), Some(&up)).await;
        let bob = Participant::join_over(&conference, &browser, &router, options, Some(&down)).await;
        let published = alice.publish().await;
        let watched = bob.watch(&published).await;
        let data = alice.page.evaluate("return await participant.publishData({})", json!(null)).await;
        let (data, script) = (data.as_str().unwrap(), "return await participant.watchData(argument)");
        let reader = bob.page.evaluate(script, json!(data)).await;
        alice.page.evaluate("await participant.send('hello')", json!(null)).await;
        conference.call(&alice.up, "setMaxIncomingBitrate", json!([2_000_000])).await;
        conference.call(&bob.down, "setMaxOutgoingBitrate", json!([3_000_000])).await;
        conference.call(&bob.down, "setMinOutgoingBitrate", json!([100_000])).await;
        let of = |id, kind, names: &[&[&'static str]]| Missing { id, kind, names: names.concat() };
        let mut all = [
            of(&alice.up, None, &[RECEIVED]),
            of(&bob.down, None, &[SENT]),
            of(&published.video, Some("inbound-rtp"), &[STREAM, &["rtxPacketsDiscarded", "pliCount"]]),
            of(&watched.video, Some("outbound-rtp"), &[STREAM]),
            of(data, None, &[&["messagesReceived", "bytesReceived"]]),
            of(reader.as_str().unwrap(), None, &[&["messagesSent", "bytesSent"]]),
        ];
        for left in (0..120).rev() {
            for missing in &mut all {
                missing.look(&conference).await;
            }
            if all.iter().all(|missing| missing.names.is_empty()) {
                break;
            }
            let still: Vec<_> = all.iter().map(|missing| (missing.id, &missing.names)).collect();
            assert!(left > 0, "still zero: {still:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

call_test! {
    async fn packets_that_come_twice_and_key_frames_asked_of_old_senders_are_counted() {
        needs!("node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let mut camera = Sender::join(&conference, &router, Medium::Video, "urn:3gpp:video-orientation").await;
        for _ in 0..20 {
            camera.send(0).await;
            camera.again(0).await;
        }
        // It signaled no feedback but FIR.
        let direct = id(&conference.call(&id(&router), "createDirectTransport", json!([{}])).await);
        let options = json!({ "producerId": camera.producer, "rtpCapabilities": router["rtpCapabilities"] });
        conference.call(&direct, "consume", json!([options])).await;
        for left in (0..100).rev() {
            let figures = conference.figures(&camera.producer, "inbound-rtp").await;
            if figures["packetsDiscarded"] == 20 && figures["firCount"].as_u64() > Some(0) {
                assert_eq!(figures["packetCount"], 20, "{figures:#}");
                break;
            }
            assert!(left > 0, "{figures:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

call_test! {
    async fn round_trips_agree_with_both_browsers() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let far = |millis| Impairment { delay: Duration::from_millis(millis), ..Impairment::default() };
        let (up, down) = (Relayed::new("up", far(20)), Relayed::new("down", far(35)));
        let alice = Participant::join_over(&conference, &browser, &router, udp(), Some(&up)).await;
        let bob = Participant::join_over(&conference, &browser, &router, udp(), Some(&down)).await;
        let published = alice.publish().await;
        let watched = bob.watch(&published).await;
        bob.sees().await;
        // Each measures its own packets at its own time, and a busy machine adds to either what it likes: the shortest that each has
        // ever seen is the way that there is (rounded).
        let (mut theirs, mut ours) = ([f64::INFINITY; 2], [f64::INFINITY; 2]);
        let keep = |shortest: &mut [f64; 2], now: [Option<f64>; 2]| {
            for (kept, now) in shortest.iter_mut().zip(now) {
                *kept = kept.min(now.filter(|now| *now > 0.0).unwrap_or(f64::INFINITY));
            }
        };
        for left in (0..120).rev() {
            let sender = stream::figures(&alice.page, "up").await;
            let receiver = stream::figures(&bob.page, "down").await;
            let in_seconds = [
                Some(stream::number(&sender, "remote-inbound-video", "roundTripTime")),
                receiver["pairs"][0]["currentRoundTripTime"].as_f64(),
            ];
            keep(&mut theirs, in_seconds.map(|seconds| seconds.map(|seconds| seconds * 1000.0)));
            let in_milliseconds = [
                conference.figures(&published.video, "inbound-rtp").await["roundTripTime"].as_f64(),
                conference.figures(&watched.video, "outbound-rtp").await["roundTripTime"].as_f64(),
            ];
            keep(&mut ours, in_milliseconds);
            let agree = |at: usize, way: f64| theirs[at] >= way && ours[at] >= way && (ours[at] - theirs[at]).abs() <= 5.0;
            if agree(0, 39.0) && agree(1, 69.0) {
                break;
            }
            assert!(left > 0, "shortest in ms: worker {ours:?}, browsers {theirs:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}
