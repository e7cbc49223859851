//! A sender of plain RTP made by hand, with one header extension whose value the test chooses packet by packet.
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::conference::{Conference, address, id};

/// The one header extension has this id.
const EXTENSION: u8 = 5;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Opus: 20 ms a packet.
    Audio,
    /// VP8: one packet a picture, 25 of them a second.
    Video,
}

/// A producer behind a plain transport that learns where its packets come from.
pub struct Sender {
    /// The id of the transport.
    pub transport: String,
    /// The id of the producer.
    pub producer: String,
    socket: UdpSocket,
    medium: Medium,
    ssrc: u32,
    sent: u32,
}

impl Sender {
    /// Makes a producer whose packets carry the header extension with this URI.
    pub async fn join(conference: &Conference, router: &Value, medium: Medium, uri: &str) -> Sender {
        let options = json!({ "listenInfo": { "protocol": "udp", "ip": address() }, "comedia": true });
        let transport = conference.call(&id(router), "createPlainTransport", json!([options])).await;
        let port = transport["tuple"]["localPort"].as_u64().and_then(|port| u16::try_from(port).ok());
        let socket = UdpSocket::bind((address(), 0)).await.expect("a socket");
        socket
            .connect(SocketAddr::from((address(), port.expect("a port"))))
            .await
            .expect("an address of ours");
        let (kind, codec) = match medium {
            Medium::Audio => (
                "audio",
                json!({ "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000, "channels": 2 }),
            ),
            // Key frames can be asked for in the old way alone.
            Medium::Video => {
                let feedback = json!([{ "type": "ccm", "parameter": "fir" }]);
                (
                    "video",
                    json!({ "mimeType": "video/VP8", "payloadType": 100, "clockRate": 90000, "rtcpFeedback": feedback }),
                )
            }
        };
        // Unlike those of others in the test: the port is nobody else's.
        let ssrc = 0x5f00_0000 | u32::from(port.unwrap_or_default());
        let parameters = json!({
            "codecs": [codec],
            "headerExtensions": [{ "uri": uri, "id": EXTENSION }],
            "encodings": [{ "ssrc": ssrc }],
        });
        let options = json!([{ "kind": kind, "rtpParameters": parameters }]);
        let producer = conference.call(&id(&transport), "produce", options).await;
        Sender { transport: id(&transport), producer: id(&producer), socket, medium, ssrc, sent: 0 }
    }

    /// Sends the next packet, with this value of the extension.
    pub async fn send(&mut self, extension: u8) {
        self.sent += 1;
        self.again(extension).await;
    }

    /// Sends the same packet again.
    pub async fn again(&self, extension: u8) {
        let (step, payload) = match self.medium {
            Medium::Audio => (960, [0x78; 20]),
            // The first packet of a key frame, 16 columns by 16 rows.
            Medium::Video => {
                let mut payload = [0; 20];
                payload[..11].copy_from_slice(&[0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0]);
                (3600, payload)
            }
        };
        let mut packet = vec![0x90, 0x80 | 100];
        packet.extend((self.sent as u16).to_be_bytes());
        packet.extend(self.sent.wrapping_mul(step).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, 1, EXTENSION << 4, extension, 0, 0]);
        packet.extend(payload);
        self.socket.send(&packet).await.expect("a datagram leaves");
    }
}
