//! FFmpeg sends plain RTP to a plain transport, and a browser watches it.
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::stack::Running;
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{http, needs, stream, system_test, tools};

/// Asks the worker for a port that takes RTP; gives `rtp://…` for FFmpeg.
async fn rtp_in(worker: &Worker, ask: &Value) -> String {
    let answer = http::post_json(&worker.api("streams/cam/rtp-in"), ask).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    let tuple = &made["tuple"];
    let local = tuple["local"].as_str().map(str::to_owned).unwrap_or_else(|| {
        format!("{}:{}", tuple["localIp"].as_str().unwrap_or("127.0.0.1"), tuple["localPort"])
    });
    let port: u16 =
        local.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{made}"));
    // RTP and RTCP share the port.
    format!("rtp://127.0.0.1:{port}?rtcpport={port}&pkt_size=1200")
}

fn ffmpeg(arguments: &[&str]) -> Running {
    let mut all = vec!["-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi"];
    all.extend(arguments);
    Running::start(&tools::find("ffmpeg").unwrap(), &all)
}

system_test! {
    async fn ffmpeg_sends_and_chromium_watches(workers) {
        needs!("ffmpeg", "chromium", "node");
        let worker = Start::with_workers(workers).start();
        let video = json!({ "kind": "video", "codec": "VP8", "payloadType": 96, "ssrc": 1111 });
        let audio = json!({ "kind": "audio", "codec": "opus", "payloadType": 97, "clockRate": 48000, "channels": 2,
                            "ssrc": 2222 });
        let video = rtp_in(&worker, &video).await;
        let audio = rtp_in(&worker, &audio).await;
        let pictures = ffmpeg(&[
            "-i", "testsrc=size=320x240:rate=25", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v",
            "400k", "-g", "25", "-payload_type", "96", "-ssrc", "1111", "-f", "rtp", &video,
        ]);
        let sound = ffmpeg(&[
            "-i", "sine=frequency=440:sample_rate=48000", "-ac", "2", "-c:a", "libopus", "-payload_type", "97", "-ssrc",
            "2222", "-f", "rtp", &audio,
        ]);
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let down = browser.open(front.url()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        stream::watch(&down, &format!("{}?wait=10", front.whep("cam"))).await;
        let received = stream::flows(&down, "down").await;
        stream::assert_size(&received, stream::Size { width: 320, height: 240 });
        println!("{}{}", pictures.said(), sound.said());
    }
}
