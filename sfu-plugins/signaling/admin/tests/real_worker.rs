//! The API on a worker with real media threads: plain RTP goes in and comes out, a plugin is asked, figures move.
mod plugin {
    //! Counts packets per producer, and answers how many.
    use sfu_core::plugin::*;

    #[derive(Default)]
    pub struct Count;

    /// What it can be asked.
    #[request]
    pub enum Ask {
        /// How many packets a producer sent.
        Packets,
    }

    /// Counts packets per producer.
    #[plugin(id = "count")]
    impl Plugin for Count {
        type Request = Ask;
        type Producer = u64;

        fn rtp_in(
            &mut self,
            packets: &mut u64,
            _: &mut RtpPacket<'_>,
            _: &mut (),
            _: &mut Cx<'_>,
        ) -> Verdict {
            *packets += 1;
            Verdict::Forward
        }

        fn request(
            &mut self,
            ask: Ask,
            at: Target,
            re: Responder,
            rows: &mut Rows<'_, Self>,
            _: &mut Cx<'_>,
        ) {
            let Ask::Packets = ask;
            match at {
                Target::Producer(id) => re.ok(rows.get(id).copied().unwrap_or_default()),
                _ => re.error(1, "ask about a producer"),
            }
        }
    }
}

sfu_core::worker! {
    /// A worker with this API alone.
    pub struct Tested;
    pub plugins = [plugin::Count];
    pub signaling = [sfu_admin::Admin];
}

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_core::{Running, WorkerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(workers: u8) -> Running {
    let mut config = WorkerConfig { workers, ..WorkerConfig::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    let running = Tested::builder().config(config).start().await.unwrap();
    // Its routes are there once the signaling crate runs.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !running.mounts().router().has_routes() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running
}

async fn send(running: &Running, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = running.url().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} /api{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn get(running: &Running, path: &str) -> Value {
    let (status, body) = send(running, "GET", path, &Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn rtp(payload_type: u8, number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 960).to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    packet.extend(b"opus audio of twenty milliseconds");
    packet.extend(number.to_be_bytes());
    packet
}

async fn plain_rtp_goes_through(workers: u8) {
    let running = start(workers).await;
    let opus = json!({ "kind": "audio", "codec": "opus", "payloadType": 100 });
    let (status, input) = send(&running, "POST", "/streams/radio/rtp-in", &opus).await;
    assert_eq!(status, 201, "{input}");
    let to: SocketAddr = input["tuple"]["local"].as_str().unwrap().parse().unwrap();
    assert!(to.ip().is_loopback() && to.port() != 0);

    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let out = json!({ "ip": "127.0.0.1", "port": port, "payloadType": 120, "kind": "audio" });
    let (status, output) = send(&running, "POST", "/streams/radio/rtp-out", &out).await;
    assert_eq!(status, 201, "{output}");
    let ssrc = output["consumers"][0]["rtpParameters"]["encodings"][0]["ssrc"].as_u64().unwrap() as u32;

    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let received = tokio::task::spawn_blocking(move || {
        let mut received = Vec::new();
        let mut buffer = [0; 1500];
        for number in 0..100_u16 {
            sender.send_to(&rtp(100, number), to).unwrap();
            // RTCP comes on the same port.
            loop {
                let n = receiver.recv(&mut buffer).unwrap();
                if buffer[1] & 0x7f == 120 {
                    received.push(buffer[..n].to_vec());
                    break;
                }
            }
        }
        received
    })
    .await
    .unwrap();
    for (number, packet) in received.iter().enumerate() {
        assert_eq!(packet[8..12], ssrc.to_be_bytes());
        assert_eq!(packet[12..], rtp(100, number as u16)[12..]);
    }

    let stream = get(&running, "/streams/radio").await;
    assert_eq!(stream["live"], true);
    assert_eq!(stream["publishers"][0]["producers"][0]["codec"], "audio/opus");
    assert_eq!(stream["viewers"][0]["consumers"].as_array().unwrap().len(), 1);
    let producer = input["producer"].as_str().unwrap();
    let stats = get(&running, &format!("/stats?target=producer:{producer}")).await;
    assert_eq!(stats["producers"][0]["streams"][0]["packets"], 100, "{stats}");
    assert_eq!(get(&running, "/workers").await["workers"].as_array().unwrap().len(), usize::from(workers));

    let ask = json!({ "target": format!("producer:{producer}"), "request": { "method": "packets" } });
    assert_eq!(send(&running, "POST", "/plugins/count", &ask).await, (200, json!(100)));
    let unknown = json!({ "target": format!("producer:{producer}"), "request": { "method": "what" } });
    assert_eq!(send(&running, "POST", "/plugins/count", &unknown).await.0, 400);
    let plugins = get(&running, "/plugins").await;
    let count = &plugins["plugins"][0];
    assert_eq!((&count["id"], &count["about"]), (&json!("count"), &json!("Counts packets per producer.")));
    assert!(count["request"].to_string().contains("packets"), "{count}");
    assert_eq!(count["switch"], json!({ "on": true, "targets": 0 }));
    let here = json!({ "target": format!("producer:{producer}") });
    assert_eq!(send(&running, "POST", "/plugins/count/disable", &here).await.0, 204);
    assert_eq!(send(&running, "POST", "/plugins/count/disable", &json!({})).await.0, 204);
    let count = get(&running, "/plugins").await["plugins"][0].clone();
    assert_eq!(count["switch"], json!({ "on": false, "targets": 1 }), "of all media threads together");

    // What was made for it goes with it.
    let (status, _) = send(
        &running,
        "DELETE",
        &format!("/transports/{}", input["transport"].as_str().unwrap()),
        &Value::Null,
    )
    .await;
    assert_eq!(status, 204);
    let deadline = Instant::now() + Duration::from_secs(10);
    while get(&running, "/stats").await["transports"] != json!([]) {
        assert!(Instant::now() < deadline, "the sender of plain RTP outlived its publisher");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn plain_rtp_goes_through_a_real_worker() {
    plain_rtp_goes_through(1).await;
}

#[tokio::test]
async fn plain_rtp_goes_through_a_real_worker_of_two_media_threads() {
    plain_rtp_goes_through(2).await;
}

#[tokio::test]
async fn srtp_with_given_keys_goes_from_one_stream_to_another() {
    let running = start(1).await;
    // What leaves protected under our key arrives protected at a transport that was told that key.
    let key = json!({ "cryptoSuite": "AES_CM_128_HMAC_SHA1_80", "keyBase64": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw" });
    let clear = json!({ "kind": "audio", "codec": "opus", "payloadType": 100 });
    let (status, first) = send(&running, "POST", "/streams/first/rtp-in", &clear).await;
    assert_eq!(status, 201, "{first}");
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let out = json!({ "ip": "127.0.0.1", "port": port, "srtp": key });
    let (status, out) = send(&running, "POST", "/streams/first/rtp-out", &out).await;
    assert_eq!(status, 201, "{out}");
    assert!(out["sdp"].as_str().unwrap().contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"));
    let second = json!({
        "kind": "audio", "codec": "opus", "payloadType": 100, "srtp": out["srtp"], "listenPort": port
    });
    let (status, second) = send(&running, "POST", "/streams/second/rtp-in", &second).await;
    assert_eq!(status, 201, "{second}");
    let to: SocketAddr = first["tuple"]["local"].as_str().unwrap().parse().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let path = format!("/stats?target=producer:{}", second["producer"].as_str().unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut number = 0;
    loop {
        sender.send_to(&rtp(100, number), to).unwrap();
        number += 1;
        let stats = get(&running, &path).await;
        if stats["producers"][0]["streams"][0]["packets"].as_u64().is_some_and(|packets| packets >= 20) {
            break;
        }
        assert!(Instant::now() < deadline, "{stats}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_worker_without_the_plugin_metrics_says_so() {
    let running = start(1).await;
    let (status, body) = send(&running, "GET", "/metrics", &Value::Null).await;
    assert_eq!((status, &body["error"]["kind"]), (501, &json!("unsupported")), "{body}");
    running.stop().await;
}

#[tokio::test]
async fn beyond_loopback_the_worker_says_what_to_configure() {
    let mut config = WorkerConfig { workers: 1, ..WorkerConfig::default() };
    config.http.listen = ([0, 0, 0, 0], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    let Err(refused) = Tested::builder().config(config).start().await else { panic!("it started") };
    assert!(refused.to_string().contains("signaling.admin.token"), "{refused}");
}
