//! ICE restarts in the middle of a mediasoup call.
use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn a_call_goes_on_after_ice_restarts() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        bob.watch(&alice.publish().await).await;
        bob.sees().await;
        for (participant, session, transport) in [(&alice, "up", &alice.up), (&bob, "down", &bob.down)] {
            let before = conference.show(transport).await;
            let new = conference.call(transport, "restartIce", json!([])).await;
            assert_ne!(new["usernameFragment"], before["iceParameters"]["usernameFragment"]);
            let script = "await raw.sessions[argument.session].pc.restartIce({ iceParameters: argument.new })";
            participant.page.evaluate(script, json!({ "session": session, "new": new })).await;
            // The browser's side has a new port only after a gathering of its own: the tuple tells.
            conference
                .wait_for(transport, "iceselectedtuplechange", |now| now[0]["remotePort"] != before["iceSelectedTuple"]["remotePort"])
                .await;
        }
        bob.sees().await;
    }
}
