//! A publisher vanishes without a goodbye and comes back twenty seconds later: its viewers go on where they are.
use std::time::Duration;

use sfu_tests::peer::Viewer;
use sfu_tests::stack::Stack;
use sfu_tests::worker::Start;
use sfu_tests::{config, http, needs, system_test};
use webrtc::peer_connection::RTCPeerConnectionState;

const AWAY: Duration = Duration::from_secs(20);
const VIDEO: &str = "video/VP8";

async fn returns(worker: Start) {
    let worker = worker.start();
    let mut publisher = Stack::GStreamer.publish(&worker.whip("s"), 100);
    publisher.connected().await;
    let viewer = Viewer::watch(&worker.whep("s")).await;
    viewer.receives(VIDEO, 50, Duration::from_secs(15)).await;
    // Dropping kills the process: no DELETE, no close_notify.
    drop(publisher);
    tokio::time::sleep(AWAY).await;
    let before = viewer.of(VIDEO).unwrap();
    let sound = viewer.of("audio/opus").unwrap();
    let mut again = Stack::GStreamer.publish(&worker.whip("s"), 100);
    again.connected().await;
    let after = viewer.receives(VIDEO, before.packets + 50, Duration::from_secs(15)).await;
    viewer.receives("audio/opus", sound.packets + 50, Duration::from_secs(15)).await;

    let (last, _) = before.arrivals.last().unwrap();
    let (first, key_frame) = after.arrivals[before.arrivals.len()];
    assert!(first - *last > AWAY - Duration::from_secs(2), "{:?} without pictures", first - *last);
    assert!(key_frame, "the first packet after the gap begins no key frame");
    assert_eq!(viewer.state(), RTCPeerConnectionState::Connected);
    assert_eq!(
        viewer.received().values().filter(|one| one.codec == VIDEO).count(),
        1,
        "one stream to the viewer"
    );
    assert_eq!(after.missing(), 0, "no gap in the numbers, which the viewer would ask for in vain");
    let session = http::get(&format!("{}{}", worker.url(), viewer.location())).await;
    assert_eq!(session.status, 204, "the viewer's session is the same");
}

system_test! {
    async fn twenty_seconds_later(workers) {
        needs!("/usr/bin/python3", "gst-inspect-1.0");
        // Its loss is noticed and it is closed meanwhile, or whoever comes replaces it without asking.
        let noticed = Start::with_workers(workers).config(config::IMPATIENT);
        let replaced = Start::with_workers(workers).config(config::TAKEOVER);
        tokio::join!(returns(noticed), returns(replaced));
    }
}
