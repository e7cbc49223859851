//! Firefox watches what Chromium sends, and the other way round, in a mediasoup call.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn firefox_and_chromium_see_each_other() {
        needs!("chromium", "firefox-esr", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let (chromium, firefox) = tokio::join!(Browser::launch(Kind::Chromium), Browser::launch(Kind::Firefox));
        let alice = Participant::join(&conference, &chromium, &router).await;
        let bob = Participant::join(&conference, &firefox, &router).await;
        let (from_alice, from_bob) = tokio::join!(alice.publish(), bob.publish());
        tokio::join!(alice.watch(&from_bob), bob.watch(&from_alice));
        tokio::join!(alice.sees(), bob.sees());
    }
}
