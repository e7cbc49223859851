//! The examples do what they say.
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sfu_core::control::{EventBody, Target};
use sfu_core::serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[path = "../examples/embed.rs"]
mod embed;
#[path = "../examples/signaling.rs"]
mod signaling;

/// An RTP packet of payload type 111.
fn rtp(number: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

/// The status code and the body of a `POST` without body.
async fn post(server: &str, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(server).await.unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {server}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_signaling_example_sends_media_back() {
    let mut config = sfu_core::WorkerConfig { workers: 2, ..Default::default() };
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    let running = signaling::Worker::builder().config(config).start().await.unwrap();
    let url = running.url().unwrap();
    let server = url.strip_prefix("http://").unwrap();
    // One on each media thread.
    for _ in 0..2 {
        let (status, address) = post(server, "/echo").await;
        assert_eq!(status, 200, "{address}");
        let address: SocketAddr = address.parse().unwrap();
        let back = tokio::task::spawn_blocking(move || echoes(address)).await.unwrap();
        assert_eq!(back.len(), 20);
        for (sent, got) in back.iter().enumerate() {
            assert_eq!(got.1, 2222, "packets come back with the SSRC of the consumer");
            assert_eq!(got.2, format!("payload {sent}").into_bytes());
        }
        let numbers: Vec<u16> = back.iter().map(|got| got.0).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
    }
    running.stop().await;
    assert!(tokio::net::TcpStream::connect(server).await.is_err(), "a stopped worker serves nothing");
}

/// Sends twenty packets, one after the other's return; sequence number, SSRC and payload of what came back.
fn echoes(address: SocketAddr) -> Vec<(u16, u32, Vec<u8>)> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut back = Vec::new();
    for number in 0..20 {
        socket.send_to(&rtp(number, 1111, format!("payload {number}").as_bytes()), address).unwrap();
        let mut buffer = [0; 1500];
        back.push(loop {
            let length = socket.recv(&mut buffer).expect("the packet does not come back");
            let packet = &buffer[..length];
            // Reports (RFC 5761 §4) come on the same port.
            if (192..224).contains(&packet[1]) {
                continue;
            }
            let number = u16::from_be_bytes([packet[2], packet[3]]);
            let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
            break (number, ssrc, packet[12..].to_vec());
        });
    }
    back
}

#[tokio::test]
async fn a_wrong_setting_of_the_signaling_example_is_named_before_it_starts() {
    let check = |table: sfu_core::serde_json::Value| {
        let mut config = sfu_core::WorkerConfig::default();
        config.signaling.insert("echo".into(), table);
        signaling::Worker::builder().config(config).check().map_err(|error| error.to_string())
    };
    assert_eq!(check(json!({ "path": "/test" })), Ok(()));
    let text = check(json!({ "path": "test" })).unwrap_err();
    assert_eq!(text, "signaling.echo: path: `test` must begin with `/` and have a name");
    assert!(check(json!({ "pth": "/test" })).unwrap_err().contains("unknown field `pth`"));
}

#[tokio::test]
async fn the_embedding_example_drives_its_worker() {
    let running = embed::builder().start().await.unwrap();
    assert_eq!((running.workers(), running.url()), (2, None));
    let mut events = running.control().events();
    let answers = embed::session(running.control()).await.unwrap();
    assert_eq!(answers, json!([1, 1]), "each media thread has had one room");
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    while let Ok(event) = events.try_recv() {
        match (event.target, event.body) {
            (Target::Router(id), EventBody::Opened { labels }) => {
                opened.push((id, labels.get("room").map(str::to_owned)))
            }
            (Target::Router(id), EventBody::Closed(_)) => closed.push(id),
            _ => {}
        }
    }
    let names: Vec<_> = opened.iter().map(|(_, name)| name.as_deref().unwrap()).collect();
    assert_eq!(names, ["kitchen", "garden"]);
    assert_eq!(closed, opened.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let control = running.control().clone();
    running.stop().await;
    let refused = embed::session(&control).await.unwrap_err();
    assert_eq!(refused.kind, sfu_core::control::ErrorKind::Stopped);
}
