//! What the tests stand on: workers, parameters in JSON, and events that are waited for.
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use mediasoup::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Something that happens, once it has happened.
pub struct Heard<T>(Receiver<T>);

/// Who tells it; nobody may listen any more.
#[derive(Clone)]
pub struct Told<T>(Sender<T>);

impl<T> Told<T> {
    pub fn tell(&self, value: T) {
        let _ = self.0.send(value);
    }
}

/// Where it is told, and where it is waited for.
pub fn heard<T>() -> (Told<T>, Heard<T>) {
    let (told, heard) = channel();
    (Told(told), Heard(heard))
}

impl<T> Heard<T> {
    /// The next one.
    #[track_caller]
    pub fn next(&self) -> T {
        match self.0.recv_timeout(PATIENCE) {
            Ok(value) => value,
            Err(RecvTimeoutError::Timeout) => panic!("nothing for {PATIENCE:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("nobody is there any more who could tell it"),
        }
    }

    /// The first one that fits.
    #[track_caller]
    pub fn find(&self, mut fits: impl FnMut(&T) -> bool) -> T {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let value = self.next();
            if fits(&value) {
                return value;
            }
        }
        panic!("nothing that fits for {PATIENCE:?}")
    }

    /// What there is already.
    pub fn all(&self) -> Vec<T> {
        self.0.try_iter().collect()
    }
}

/// Does something again and again until it has happened.
#[track_caller]
pub fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(value) = attempt() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not within {PATIENCE:?}")
}

/// Parameters as the JSON that the library documents.
#[track_caller]
pub fn read<T: DeserializeOwned>(json: Json) -> T {
    serde_json::from_value(json).unwrap()
}

/// A worker with a router for what all tests send.
pub async fn room() -> (Worker, Router) {
    let worker = WorkerManager::new().create_worker(WorkerSettings::default()).await.unwrap();
    let router = worker.create_router(RouterOptions::new(codecs())).await.unwrap();
    (worker, router)
}

pub fn codecs() -> Vec<RtpCodecCapability> {
    let feedback = json!([
        { "type": "nack" },
        { "type": "nack", "parameter": "pli" },
        { "type": "ccm", "parameter": "fir" },
        { "type": "goog-remb" },
        { "type": "transport-cc" },
    ]);
    read(json!([
        { "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2 },
        { "kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000, "rtcpFeedback": feedback },
        {
            "kind": "video", "mimeType": "video/VP9", "preferredPayloadType": 103, "clockRate": 90000,
            "parameters": { "profile-id": 0 }, "rtcpFeedback": feedback,
        },
    ]))
}

/// A receiver of all that a router knows.
pub fn everything(router: &Router) -> RtpCapabilities {
    read(serde_json::to_value(router.rtp_capabilities()).unwrap())
}

pub const MID: u8 = 1;
pub const ABS_SEND_TIME: u8 = 4;
pub const AUDIO_LEVEL: u8 = 6;
pub const ORIENTATION: u8 = 8;

/// Opus under 111, with volumes.
pub fn audio(ssrc: u32) -> ProducerOptions {
    let parameters = json!({
        "mid": "a",
        "codecs": [{
            "mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2,
            "parameters": { "useinbandfec": 1, "foo": "bar" },
        }],
        "headerExtensions": [
            { "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": MID, "encrypt": false },
            { "uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": AUDIO_LEVEL, "encrypt": false },
        ],
        "encodings": [{ "ssrc": ssrc, "dtx": true, "maxBitrate": 64000 }],
        "rtcp": { "cname": "somebody", "reducedSize": true },
        "msid": "stream track",
    });
    ProducerOptions::new(MediaKind::Audio, read(parameters))
}

/// VP8 under 112 with RTX under 113, one encoding for each SSRC.
pub fn video(ssrcs: &[u32]) -> ProducerOptions {
    let encodings: Vec<Json> = ssrcs
        .iter()
        .map(|ssrc| json!({ "ssrc": ssrc, "rtx": { "ssrc": ssrc + 1000 }, "scalabilityMode": "L1T1" }))
        .collect();
    ProducerOptions::new(MediaKind::Video, read(video_parameters("video/VP8", json!({}), encodings)))
}

/// VP9 under 112 with layers in one encoding.
pub fn svc(ssrc: u32) -> ProducerOptions {
    let encodings = vec![json!({ "ssrc": ssrc, "scalabilityMode": "L3T3_KEY" })];
    let parameters = video_parameters("video/VP9", json!({ "profile-id": 0 }), encodings);
    ProducerOptions::new(MediaKind::Video, read(parameters))
}

fn video_parameters(mime_type: &str, parameters: Json, encodings: Vec<Json>) -> Json {
    json!({
        "mid": "v",
        "codecs": [
            {
                "mimeType": mime_type, "payloadType": 112, "clockRate": 90000, "parameters": parameters,
                "rtcpFeedback": [
                    { "type": "nack" },
                    { "type": "nack", "parameter": "pli" },
                    { "type": "ccm", "parameter": "fir" },
                    { "type": "goog-remb" },
                ],
            },
            { "mimeType": "video/rtx", "payloadType": 113, "clockRate": 90000, "parameters": { "apt": 112 } },
        ],
        "headerExtensions": [
            { "uri": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", "id": ABS_SEND_TIME, "encrypt": false },
            { "uri": "urn:3gpp:video-orientation", "id": ORIENTATION, "encrypt": false },
        ],
        "encodings": encodings,
        "rtcp": { "cname": "somebody", "reducedSize": true },
    })
}

/// Any port of this machine.
pub fn local(protocol: Protocol) -> ListenInfo {
    ListenInfo {
        protocol,
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        announced_address: None,
        expose_internal_ip: false,
        port: None,
        port_range: None,
        flags: None,
        send_buffer_size: None,
        recv_buffer_size: None,
    }
}

/// What a producer of a direct transport is sent.
pub fn direct(producer: &Producer) -> &mediasoup::producer::DirectProducer {
    match producer {
        Producer::Direct(direct) => direct,
        _ => panic!("it is on a transport with a peer"),
    }
}

/// The same for data.
pub fn direct_data(producer: &DataProducer) -> &DirectDataProducer {
    match producer {
        DataProducer::Direct(direct) => direct,
        _ => panic!("it is on a transport with a peer"),
    }
}
