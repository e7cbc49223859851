//! FFmpeg sends plain RTP or SRTP into a mediasoup call, and receives what a browser sends.
use std::net::UdpSocket;
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, address, id};
use sfu_tests::participant::Participant;
use sfu_tests::stack::Running;
use sfu_tests::{call_test, needs, stream, tools};

/// One of the suites that FFmpeg has, and the key of its side: 16 bytes and a salt of 14.
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";
const KEY: &str = "c2Z1a2l0IHRlc3RzIGEga2V5IG9mIHRoaXJ0eSE5";

/// Makes a plain transport of a router.
async fn plain(conference: &Conference, router: &Value, comedia: bool, rtcp_mux: bool, srtp: bool) -> Value {
    let mut options = json!({ "listenInfo": { "protocol": "udp", "ip": address() }, "comedia": comedia, "rtcpMux": rtcp_mux });
    if srtp {
        options["enableSrtp"] = true.into();
        options["srtpCryptoSuite"] = SUITE.into();
    }
    conference.call(&id(router), "createPlainTransport", json!([options])).await
}

/// Where FFmpeg sends to: a transport that learns from where, with a port for RTCP of its own.
async fn comedia(conference: &Conference, router: &Value, srtp: bool) -> (String, String) {
    let transport = plain(conference, router, true, false, srtp).await;
    if srtp {
        let theirs = json!([{ "srtpParameters": { "cryptoSuite": SUITE, "keyBase64": KEY } }]);
        conference.call(&id(&transport), "connect", theirs).await;
    }
    let (rtp, rtcp) = (&transport["tuple"]["localPort"], &transport["rtcpTuple"]["localPort"]);
    let protocol = if srtp { "srtp" } else { "rtp" };
    (id(&transport), format!("{protocol}://{}:{rtp}?rtcpport={rtcp}&pkt_size=1200", address()))
}

/// Lets FFmpeg make something and send it.
fn ffmpeg(arguments: &[&str], srtp: bool, to: &str) -> Running {
    let mut all = vec!["-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi"];
    all.extend(arguments);
    if srtp {
        all.extend(["-srtp_out_suite", SUITE, "-srtp_out_params", KEY]);
    }
    all.extend(["-f", "rtp", to]);
    Running::start(&tools::find("ffmpeg").unwrap(), &all)
}

async fn ffmpeg_sends(srtp: bool) {
    let conference = Conference::start().await;
    let router = conference.router(&conference.worker().await, "VP8").await;
    let (pictures, to) = comedia(&conference, &router, srtp).await;
    let codec = json!({ "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000 });
    let parameters = json!({ "codecs": [codec], "encodings": [{ "ssrc": 1111 }] });
    let video = conference
        .call(&pictures, "produce", json!([{ "kind": "video", "rtpParameters": parameters }]))
        .await;
    let _pictures = ffmpeg(
        &[
            "-i",
            "testsrc=size=320x240:rate=25",
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-b:v",
            "400k",
            "-g",
            "25",
            "-payload_type",
            "96",
            "-ssrc",
            "1111",
        ],
        srtp,
        &to,
    );
    let (sound, to) = comedia(&conference, &router, srtp).await;
    let codec = json!({ "mimeType": "audio/opus", "payloadType": 97, "clockRate": 48000, "channels": 2 });
    let parameters = json!({ "codecs": [codec], "encodings": [{ "ssrc": 2222 }] });
    let audio =
        conference.call(&sound, "produce", json!([{ "kind": "audio", "rtpParameters": parameters }])).await;
    let _sound = ffmpeg(
        &[
            "-i",
            "sine=frequency=440:sample_rate=48000",
            "-ac",
            "2",
            "-c:a",
            "libopus",
            "-payload_type",
            "97",
            "-ssrc",
            "2222",
        ],
        srtp,
        &to,
    );
    for transport in [&pictures, &sound] {
        for event in ["tuple", "rtcptuple"] {
            let learned = conference.wait_for(transport, event, |_| true).await;
            assert_eq!(learned[0]["remoteIp"], json!(address()), "{event}: {learned}");
        }
    }
    let browser = Browser::launch(Kind::Chromium).await;
    let bob = Participant::join(&conference, &browser, &router).await;
    bob.watch_one(&id(&audio)).await;
    bob.watch_one(&id(&video)).await;
    stream::assert_size(&bob.sees().await, stream::Size { width: 320, height: 240 });
    // What is sent are reports.
    let figures =
        ["bytesReceived", "recvBitrate", "rtpBytesReceived", "rtpRecvBitrate", "bytesSent", "sendBitrate"];
    conference.counts(&pictures, &figures).await;
}

call_test! {
    async fn ffmpeg_sends_and_chromium_watches() {
        needs!("ffmpeg", "chromium", "node");
        ffmpeg_sends(false).await;
    }
}

call_test! {
    async fn ffmpeg_sends_srtp_and_chromium_watches() {
        needs!("ffmpeg", "chromium", "node");
        ffmpeg_sends(true).await;
    }
}

/// A free even port; the next one is for RTCP.
fn free_port() -> u16 {
    let bound = || UdpSocket::bind((address(), 0)).and_then(|socket| socket.local_addr());
    (0..100)
        .find_map(|_| bound().ok().map(|local| local.port()).filter(|port| port % 2 == 0))
        .expect("a free port")
}

/// Whether somebody listens on a UDP port.
fn is_bound(port: u16) -> bool {
    UdpSocket::bind((address(), port)).is_err()
}

/// Lets FFmpeg decode so many frames of a producer, and waits until it has.
async fn decodes(conference: &Conference, router: &Value, producer: &str, frames: &str, srtp: bool) {
    let transport = plain(conference, router, false, true, srtp).await;
    let (ip, port) = (address(), free_port());
    let mut peer = json!({ "ip": ip, "port": port });
    let (mut profile, mut crypto) = ("RTP/AVP", String::new());
    if srtp {
        peer["srtpParameters"] = json!({ "cryptoSuite": SUITE, "keyBase64": KEY });
        profile = "RTP/SAVP";
        let ours = transport["srtpParameters"]["keyBase64"].as_str().expect("a key");
        crypto = format!("a=crypto:1 {SUITE} inline:{ours}\r\n");
    }
    conference.call(&id(&transport), "connect", json!([peer])).await;
    let options =
        json!({ "producerId": producer, "rtpCapabilities": router["rtpCapabilities"], "paused": true });
    let consumer = conference.call(&id(&transport), "consume", json!([options])).await;
    let (kind, codec) = (consumer["kind"].as_str().unwrap(), &consumer["rtpParameters"]["codecs"][0]);
    let name = codec["mimeType"].as_str().unwrap().split('/').next_back().unwrap();
    let channels = codec["channels"].as_u64().map(|channels| format!("/{channels}")).unwrap_or_default();
    let (payload_type, rate) = (&codec["payloadType"], &codec["clockRate"]);
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("stream.sdp");
    let text = format!(
        "v=0\r\no=- 0 0 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm={kind} {port} {profile} {payload_type}\r\n\
         {crypto}a=rtpmap:{payload_type} {name}/{rate}{channels}\r\n"
    );
    std::fs::write(&sdp, text).unwrap();
    let limit = if kind == "video" { "-frames:v" } else { "-frames:a" };
    let decoder = Running::start(
        &tools::find("ffmpeg").unwrap(),
        &[
            "-hide_banner",
            "-loglevel",
            "warning",
            "-protocol_whitelist",
            "file,udp,rtp,srtp",
            "-i",
            sdp.to_str().unwrap(),
            limit,
            frames,
            "-xerror",
            "-f",
            "null",
            "-",
        ],
    );
    for left in (0..200).rev() {
        if is_bound(port) {
            break;
        }
        assert!(left > 0, "FFmpeg does not listen:\n{}", decoder.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    conference.call(&id(&consumer), "resume", json!([])).await;
    conference.counts(&id(&transport), &["bytesSent", "sendBitrate", "rtpBytesSent", "rtpSendBitrate"]).await;
    decoder.finish(Duration::from_secs(30)).await;
}

async fn ffmpeg_receives(srtp: bool) {
    let conference = Conference::start().await;
    let router = conference.router(&conference.worker().await, "VP8").await;
    let browser = Browser::launch(Kind::Chromium).await;
    let alice = Participant::join(&conference, &browser, &router).await;
    let published = alice.publish().await;
    tokio::join!(
        decodes(&conference, &router, &published.video, "60", srtp),
        decodes(&conference, &router, &published.audio, "100", srtp),
    );
}

call_test! {
    async fn ffmpeg_decodes_what_chromium_sends() {
        needs!("ffmpeg", "chromium", "node");
        ffmpeg_receives(false).await;
    }
}

call_test! {
    async fn ffmpeg_decodes_as_srtp_what_chromium_sends() {
        needs!("ffmpeg", "chromium", "node");
        ffmpeg_receives(true).await;
    }
}
