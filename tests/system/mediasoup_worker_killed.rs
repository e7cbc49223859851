//! A mediasoup server's worker is killed.
use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, id, udp};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn the_library_hears_of_it_and_the_next_worker_serves_the_same_pages() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let worker = conference.worker().await;
        let router = conference.router(&worker, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let mut alice = Participant::join(&conference, &browser, &router).await;
        let mut bob = Participant::join(&conference, &browser, &router).await;
        bob.watch(&alice.publish().await).await;
        bob.sees().await;

        // SAFETY: plain system call; the worker's death is not yet known to its parent, so the id is its own.
        assert_eq!(unsafe { libc::kill(worker.parse().unwrap(), libc::SIGKILL) }, 0);
        let died = conference.wait_for(&worker, "died", |_| true).await;
        assert!(died[0].is_object(), "an error: {died}");
        conference.wait_for(&id(&router), "workerclose", |_| true).await;

        let router = conference.router(&conference.worker().await, "VP8").await;
        for participant in [&mut alice, &mut bob] {
            participant.page.evaluate("for (const { pc } of Object.values(raw.sessions)) pc.close()", json!(null)).await;
            participant.rejoin(&conference, &router, udp(), None).await;
        }
        bob.watch(&alice.publish().await).await;
        bob.sees().await;
    }
}
