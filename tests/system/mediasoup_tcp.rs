//! A mediasoup call whose transports have nothing but TCP.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, tcp};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, stream};

call_test! {
    async fn media_flows_over_tcp_alone() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join_over(&conference, &browser, &router, tcp(), None).await;
        let bob = Participant::join_over(&conference, &browser, &router, tcp(), None).await;
        bob.watch(&alice.publish().await).await;
        bob.sees().await;
        for (participant, session, transport) in [(&alice, "up", &alice.up), (&bob, "down", &bob.down)] {
            let figures = stream::figures(&participant.page, session).await;
            let pairs = figures["pairs"].as_array().unwrap();
            assert!(!pairs.is_empty() && pairs.iter().all(|pair| pair["protocol"] == "tcp"), "{figures:#}");
            let shown = conference.show(transport).await;
            assert_eq!(shown["iceSelectedTuple"]["protocol"], "tcp", "{shown:#}");
        }
    }
}
