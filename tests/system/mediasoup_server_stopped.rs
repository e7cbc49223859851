//! A mediasoup server stands still, as in a long garbage collection: its worker does not.
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, address, id};
use sfu_tests::participant::Participant;
use sfu_tests::worker::anonymous_memory;
use sfu_tests::{call_test, needs, run};

/// The worker may take so much more while nobody reads; bytes.
const GROWTH: u64 = 32 << 20;

/// Bytes of payload in each packet of the flood.
const PAYLOAD: usize = 1200;

/// Sends RTP without end, about 8 MB/s, until it is dropped.
struct Flood(Arc<AtomicBool>);

impl Flood {
    fn start(to: SocketAddr, ssrc: u32) -> Flood {
        let ends = Arc::new(AtomicBool::new(false));
        let (ended, socket) = (ends.clone(), UdpSocket::bind((address(), 0)).unwrap());
        std::thread::spawn(move || {
            let mut packet = vec![0; 12 + PAYLOAD];
            packet[..2].copy_from_slice(&[0x80, 100]);
            packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
            for number in 0_u32.. {
                packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
                packet[4..8].copy_from_slice(&number.wrapping_mul(7).to_be_bytes());
                let _ = socket.send_to(&packet, to);
                if number % 32 == 31 {
                    std::thread::sleep(Duration::from_millis(5));
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        });
        Flood(ends)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A producer whose packets all go to the library itself.
async fn flooded(conference: &Conference, router: &Value) -> (String, Flood) {
    let listen = json!({ "listenInfo": { "protocol": "udp", "ip": address() }, "comedia": true });
    let plain = conference.call(&id(router), "createPlainTransport", json!([listen])).await;
    let codec = json!({ "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000, "channels": 2 });
    let parameters = json!({ "codecs": [codec], "encodings": [{ "ssrc": 4444 }] });
    let options = json!([{ "kind": "audio", "rtpParameters": parameters }]);
    let producer = id(&conference.call(&id(&plain), "produce", options).await);
    let direct = conference.call(&id(router), "createDirectTransport", json!([])).await;
    let options = json!([{ "producerId": producer, "rtpCapabilities": router["rtpCapabilities"] }]);
    conference.call(&id(&direct), "consume", options).await;
    let port = plain["tuple"]["localPort"].as_u64().unwrap() as u16;
    (producer, Flood::start((address(), port).into(), 4444))
}

/// What a producer has received, none before its stream begins.
async fn packets(conference: &Conference, producer: &str) -> u64 {
    let stats = conference.call(producer, "getStats", json!([])).await;
    stats[0]["packetCount"].as_u64().unwrap_or(0)
}

call_test! {
    async fn media_flows_memory_stays_and_no_state_is_lost_while_the_library_sleeps() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let worker = conference.worker().await;
        let process = worker.parse().unwrap();
        let router = conference.router(&worker, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let published = alice.publish().await;
        bob.publish().await;
        bob.watch(&published).await;
        bob.sees().await;
        let (producer, flood) = flooded(&conference, &router).await;
        let mut before = 0;
        while before < 5000 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            before = packets(&conference, &producer).await;
        }
        for producer in [&published.audio, &published.video] {
            conference.call(producer, "enableTraceEvent", json!([["rtp", "keyframe"]])).await;
        }

        let memory = anonymous_memory(process);
        conference.signal(libc::SIGSTOP);
        let stopped = Instant::now();
        let time = Duration::from_secs(if run::is_long() { 30 } else { 8 });
        bob.page.evaluate("raw.sessions.up.pc.close()", Value::Null).await;
        let mut most = memory;
        while stopped.elapsed() < time {
            tokio::time::sleep(Duration::from_millis(100)).await;
            most = most.max(anonymous_memory(process));
        }
        bob.sees().await;
        drop(flood);
        most = most.max(anonymous_memory(process));
        conference.signal(libc::SIGCONT);

        println!("memory: {} kB, and at most {} kB more", memory >> 10, (most - memory) >> 10);
        assert!(most - memory < GROWTH, "{memory} bytes grew to {most}");
        // More came than may be kept, so it was this that was tried.
        let after = packets(&conference, &producer).await;
        assert!((after - before) * PAYLOAD as u64 > GROWTH, "{before} and then {after} packets");
        // What came in the meantime is read, and requests are answered.
        conference.call(&published.audio, "enableTraceEvent", json!([[]])).await;
        conference.call(&published.video, "enableTraceEvent", json!([[]])).await;
        conference.wait_for(&bob.up, "dtlsstatechange", |state| state[0] == "closed").await;
        assert_eq!(conference.show(&bob.up).await["dtlsState"], "closed");
        let figures = conference.figures(&published.video, "inbound-rtp").await;
        assert!(figures["packetCount"].as_u64() > Some(100), "{figures:#}");
        bob.sees().await;
    }
}
