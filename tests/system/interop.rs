//! Independent stacks publish; each is watched by Chromium and by webrtc-rs, which is the fifth stack.
use std::time::Duration;

use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::peer::Viewer;
use sfu_tests::relay::Impairment;
use sfu_tests::stack::Stack;
use sfu_tests::stream;
use sfu_tests::worker::Start;
use sfu_tests::{media, needs, system_test};

const SECONDS: u32 = 20;

/// Publishes with a stack; webrtc-rs counts packets, and Chromium decodes pictures if there are any.
async fn call(workers: u8, stack: Stack, video: Option<&str>) {
    let worker = Start::with_workers(workers).start();
    let front = Front::start(worker.url()).await;
    // The published package of PyAV needs nudges; see there.
    let nudging = Impairment { nudge: Some(Duration::from_millis(12)), ..Impairment::default() };
    let nudger = Front::lossy(worker.url(), nudging, 0).await;
    let way_in = if stack == Stack::Ffmpeg { nudger.whip("call") } else { worker.whip("call") };
    let mut publisher = stack.publish(&way_in, SECONDS);
    publisher.connected().await;
    if stack == Stack::GStreamer {
        let told = publisher.wait_for("certificate", |event| event["certificate"].is_string()).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peer.pem");
        std::fs::write(&file, told["certificate"].as_str().unwrap()).unwrap();
        let text =
            media::output("openssl", &["x509", "-in", file.to_str().unwrap(), "-noout", "-text"]).unwrap();
        assert!(
            text.contains("Public Key Algorithm: rsaEncryption"),
            "the peer's certificate is RSA: {text}"
        );
    }
    let browser = Browser::launch(Kind::Chromium).await;
    let down = browser.open(front.url()).await;
    stream::watch(&down, &front.whep("call")).await;
    let mut wanted = vec![("inbound-audio", "packetsReceived", 50.0)];
    if video.is_some() {
        wanted.push(("inbound-video", "framesDecoded", 10.0));
        wanted.push(("inbound-audio", "totalAudioEnergy", 0.0));
    }
    let received = stream::grows(&down, "down", &wanted).await;
    let viewer = Viewer::watch(&worker.whep("call")).await;
    let audio = viewer.receives("audio/opus", 50, Duration::from_secs(10)).await;
    assert_eq!(audio.missing(), 0);
    if let Some(codec) = video {
        assert_eq!(received["inbound-video"]["codec"], codec);
        stream::assert_size(&received, stream::Size { width: 320, height: 240 });
        assert_eq!(viewer.receives(codec, 50, Duration::from_secs(10)).await.missing(), 0);
    }
    viewer.close().await;
    publisher.finish(Duration::from_secs(u64::from(SECONDS) + 20)).await;
}

system_test! {
    async fn gstreamer_with_its_rsa_certificate(workers) {
        needs!("/usr/bin/python3", "gst-inspect-1.0", "openssl", "chromium", "node");
        call(workers, Stack::GStreamer, Some("video/VP8")).await;
    }
}

system_test! {
    async fn ffmpeg_whip_muxer(workers) {
        needs!("pyav", "chromium", "node");
        call(workers, Stack::Ffmpeg, Some("video/H264")).await;
    }
}

system_test! {
    async fn google_webrtc_in_node(workers) {
        needs!("chromium", "node");
        call(workers, Stack::Wrtc, Some("video/VP8")).await;
    }
}

system_test! {
    async fn libdatachannel_in_node(workers) {
        needs!("chromium", "node");
        call(workers, Stack::NodeDatachannel, None).await;
    }
}
