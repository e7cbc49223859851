//! Two participants of a mediasoup call see and hear each other.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::stream::{self, Size};
use sfu_tests::{call_test, needs};

call_test! {
    async fn media_flows_both_ways() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let (from_alice, from_bob) = tokio::join!(alice.publish(), bob.publish());
        tokio::join!(alice.watch(&from_bob), bob.watch(&from_alice));
        let (alice_sees, bob_sees) = tokio::join!(alice.sees(), bob.sees());
        for seen in [alice_sees, bob_sees] {
            stream::assert_size(&seen, Size { width: 320, height: 240 });
            assert_eq!(stream::number(&seen, "inbound-video", "packetsLost"), 0.0, "{seen:#}");
            assert_eq!(seen["inbound-video"]["codec"], "video/VP8", "{seen:#}");
        }
        for transport in [&alice.up, &alice.down, &bob.up, &bob.down] {
            for (event, states) in
                [("icestatechange", ["connected", "completed"]), ("dtlsstatechange", ["connecting", "connected"])]
            {
                let told = conference.events(transport, event).await;
                assert!(states.iter().all(|state| told.iter().any(|told| told[0] == *state)), "{event}: {told:?}");
            }
            let path = conference.wait_for(transport, "iceselectedtuplechange", |_| true).await;
            assert_eq!(path[0]["protocol"], "udp", "{path}");
        }
        alice.page.has_no_errors().await;
        bob.page.has_no_errors().await;
    }
}
