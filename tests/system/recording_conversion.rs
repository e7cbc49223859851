//! A recording of a call is what standard tools accept, and holds what was sent.
use std::time::Duration;

use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::media::{self, Recorded};
use sfu_tests::stream::{self, Publish, Size, number};
use sfu_tests::worker::Start;
use sfu_tests::{config, http, needs, system_test};

const SIZE: Size = Size { width: 320, height: 240 };

system_test! {
    async fn tools_read_what_was_sent(workers) {
        needs!("chromium", "node", "janus-pp-rec", "mjr2pcap", "ffprobe", "tshark");
        let worker = Start::with_workers(workers).config(config::RECORDER).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        stream::publish(&up, &front.whip("s"), &Publish { codec: Some("VP8"), size: Some(SIZE), ..Publish::default() }).await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        // Tracks stop first and the figures settle, so that what the browser counts is all that it ever sends.
        let stop = "const { pc } = raw.sessions.up; for (const sender of pc.getSenders()) await sender.replaceTrack(null);";
        up.evaluate(stop, json!(null)).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let sent = stream::figures(&up, "up").await;
        up.evaluate("await raw.stop('up')", json!(null)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;

        let files = media::recordings(&worker.recordings());
        assert_eq!(files.len(), 2, "one file per encoding: {files:?}");
        for file in &files {
            let recorded = media::inspect(file).unwrap();
            let rtp = media::rtp_packets(file, &file.with_extension("pcap")).unwrap();
            assert_eq!(rtp, recorded.packets, "tshark and janus-pp-rec see the same packets of {recorded:?}");
            match recorded.medium.as_str() {
                "v" => video(file, &recorded, number(&sent, "outbound-video", "framesSent")),
                "a" => audio(file, number(&sent, "outbound-audio", "packetsSent") * 0.02),
                other => panic!("medium {other}"),
            }
        }
    }
}

fn video(file: &std::path::Path, recorded: &Recorded, sent: f64) {
    let webm = file.with_extension("webm");
    media::convert(file, &webm).unwrap();
    let probed = media::probe(&webm).unwrap();
    assert_eq!((recorded.codec.as_str(), probed.codec.as_str()), ("vp8", "vp8"));
    assert_eq!(recorded.size, Some((SIZE.width, SIZE.height)));
    let off = (probed.frames as f64 - sent).abs() / sent;
    assert!(off <= 0.02, "{} frames recorded, {sent} sent", probed.frames);
}

fn audio(file: &std::path::Path, sent_seconds: f64) {
    let opus = file.with_extension("opus");
    media::convert(file, &opus).unwrap();
    let probed = media::probe(&opus).unwrap();
    assert_eq!(probed.codec, "opus");
    assert!(
        (probed.duration - sent_seconds).abs() <= 0.2,
        "{} s recorded, {sent_seconds} s sent",
        probed.duration
    );
}

system_test! {
    async fn tools_read_every_video_codec(workers) {
        needs!("chromium", "node", "janus-pp-rec", "ffprobe");
        let worker = Start::with_workers(workers).config(config::RECORDER).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        // The container that Janus' converter makes of each, and the name that ffprobe has for it.
        for (codec, ending, name) in [("H264", "mp4", "h264"), ("VP9", "webm", "vp9"), ("AV1", "mp4", "av1")] {
            let up = browser.open(front.url()).await;
            let how = Publish { codec: Some(codec), size: Some(SIZE), ..Publish::default() };
            stream::publish(&up, &front.whip(codec), &how).await;
            tokio::time::sleep(Duration::from_secs(4)).await;
            let sent = number(&stream::figures(&up, "up").await, "outbound-video", "framesSent");
            up.evaluate("await raw.stop('up')", json!(null)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let files = media::recordings(&worker.recordings());
            let video = files.iter().find(|file| {
                let file = file.file_name().unwrap().to_string_lossy();
                file.starts_with(&format!("{codec}-video"))
            });
            let video = video.unwrap_or_else(|| panic!("no video of {codec}: {files:?}"));
            let recorded = media::inspect(video).unwrap();
            assert_eq!((recorded.medium.as_str(), recorded.codec.as_str()), ("v", name), "{recorded:?}");
            let converted = video.with_extension(ending);
            media::convert(video, &converted).unwrap();
            let probed = media::probe(&converted).unwrap();
            assert_eq!(probed.codec, name);
            // It was still sent while it was counted, so there may be more.
            assert!(probed.frames as f64 >= sent * 0.95, "{codec}: {} frames recorded, {sent} sent", probed.frames);
            up.close().await;
        }
    }
}

system_test! {
    async fn a_request_starts_and_stops_it_in_mid_call(workers) {
        needs!("chromium", "node", "janus-pp-rec", "ffprobe");
        let folder = "[plugins.recorder]\nenabled = false\nfolder = \"{recordings}\"";
        let worker = Start::with_workers(workers).config(folder).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        stream::publish(&up, &front.whip("s"), &Publish { codec: Some("VP8"), size: Some(SIZE), ..Publish::default() }).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(media::recordings(&worker.recordings()).is_empty(), "nothing is recorded unasked");
        let ask = async |request: serde_json::Value| {
            let answer = http::post_json(&worker.api("plugins/recorder"), &json!({ "request": request })).await;
            assert!(answer.status.is_success(), "{request}: {} {}", answer.status, answer.text());
        };
        ask(json!({ "method": "start", "stream": "s" })).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        ask(json!({ "method": "stop", "stream": "s" })).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let files = media::recordings(&worker.recordings());
        assert_eq!(files.len(), 2, "{files:?}");
        for file in &files {
            let recorded = media::inspect(file).unwrap();
            // It ended when told to, and video began with a key frame, asked for at once.
            assert!((3.0..5.0).contains(&recorded.duration), "{recorded:?}");
            if recorded.medium == "v" {
                let webm = file.with_extension("webm");
                media::convert(file, &webm).unwrap();
                assert!(media::probe(&webm).unwrap().frames > 60);
            }
        }
    }
}
