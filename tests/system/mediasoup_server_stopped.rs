//! A mediasoup server stands still, as in a long garbage collection: its worker does not.
use std::time::Duration;

use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn media_flows_while_the_library_sleeps() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        bob.watch(&published).await;
        bob.sees().await;
        conference.signal(libc::SIGSTOP);
        tokio::time::sleep(Duration::from_secs(4)).await;
        bob.sees().await;
        conference.signal(libc::SIGCONT);
        // What came in the meantime is read, and requests are answered.
        let figures = conference.figures(&published.video, "inbound-rtp").await;
        assert!(figures["packetCount"].as_u64() > Some(100), "{figures:#}");
    }
}
