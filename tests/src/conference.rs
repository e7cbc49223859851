//! A server on the unmodified mediasoup library (`mediasoup/server.mjs`) whose workers are ours.
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stack::Running;
use crate::{http, tools, worker};

/// Longest wait for an event.
const LIMIT: Duration = Duration::from_secs(20);

/// A Node server and its worker. Both end when dropped.
pub struct Conference {
    node: Running,
    url: String,
}

impl Conference {
    /// Starts a server; it has no worker yet.
    pub async fn start() -> Conference {
        let script = tools::package().join("mediasoup/server.mjs");
        let binary = worker::binary();
        let environment = [
            ("MEDIASOUP_WORKER_BIN", binary.to_str().expect("a path of text")),
            ("DEBUG", "mediasoup:WARN* mediasoup:ERROR*"),
        ];
        let node = tools::find("node").expect("asked for before");
        let mut node = Running::start_with(&node, &[script.to_str().expect("a path of text")], &environment);
        let listens = node.wait_for("URL", |event| event["url"].is_string()).await;
        Conference { node, url: listens["url"].as_str().unwrap_or_default().to_owned() }
    }

    /// The page of its participants.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends the server, not its workers, a signal.
    pub fn signal(&self, signal: i32) {
        self.node.signal(signal);
    }

    /// Runs a method of an object of the library, which in the arguments is `{"object": id}`, as bytes are `{"hex": text}`;
    /// gives what it returned, panics with the library's error.
    pub async fn call(&self, id: &str, method: &str, arguments: Value) -> Value {
        let call = json!({ "id": id, "method": method, "args": arguments });
        let answer = http::post_json(&format!("{}/call", self.url), &call).await;
        assert!(answer.status.is_success(), "{method}({}): {}", call["args"], answer.text());
        answer.json()
    }

    /// Starts a worker; gives its process's id.
    pub async fn worker(&self) -> String {
        let settings = json!([{ "logLevel": "warn", "rtcMinPort": 20_000, "rtcMaxPort": 59_999 }]);
        id(&self.call("mediasoup", "createWorker", settings).await)
    }

    /// Makes a router with Opus and one video codec on a worker.
    pub async fn router(&self, worker: &str, video: &str) -> Value {
        let parameters = match video {
            "H264" => {
                json!({ "packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1 })
            }
            _ => json!({}),
        };
        let codecs = json!([
            { "kind": "audio", "mimeType": "audio/opus", "clockRate": 48000, "channels": 2 },
            { "kind": "video", "mimeType": format!("video/{video}"), "clockRate": 90000, "parameters": parameters },
        ]);
        self.call(worker, "createRouter", json!([{ "mediaCodecs": codecs }])).await
    }

    /// What an object of the library shows now.
    pub async fn show(&self, id: &str) -> Value {
        http::post_json(&format!("{}/show", self.url), &json!({ "id": id })).await.json()
    }

    /// What happened to an object of the library, in order: the arguments of each event of this name.
    pub async fn events(&self, id: &str, event: &str) -> Vec<Value> {
        let asked = json!({ "id": id, "event": event });
        let all = http::post_json(&format!("{}/events", self.url), &asked).await.json();
        all.as_array().cloned().unwrap_or_default()
    }

    /// Waits for an event whose arguments satisfy; panics with all events of this name if none does within 20 s.
    pub async fn wait_for(&self, id: &str, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let events = self.events(id, event).await;
            if let Some(found) = events.iter().find(|arguments| wanted(arguments)) {
                return found.clone();
            }
            assert!(start.elapsed() < LIMIT, "{event} of {id} within {LIMIT:?}: {events:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The figures of one RTP stream of a producer or consumer: `inbound-rtp` or `outbound-rtp`.
    pub async fn figures(&self, id: &str, kind: &str) -> Value {
        let all = self.call(id, "getStats", json!([])).await;
        let found = all.as_array().and_then(|all| all.iter().find(|stats| stats["type"] == kind));
        found.cloned().unwrap_or_else(|| panic!("no {kind} in {all:#}"))
    }

    /// Waits until none of these figures of a transport is zero; panics with all of them if that is not so within 20 s.
    pub async fn counts(&self, transport: &str, names: &[&str]) {
        let start = Instant::now();
        loop {
            let figures = self.call(transport, "getStats", json!([])).await[0].take();
            if names.iter().all(|name| figures[name].as_f64() > Some(0.0)) {
                return;
            }
            assert!(start.elapsed() < LIMIT, "{names:?} are not all counted: {figures:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Conference {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the mediasoup server ---\n{}\n---", self.node.said());
        }
    }
}

/// The id of an object of the library.
pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object}")).to_owned()
}

/// The address that workers listen on: this machine's own, because Firefox does not look at loopback.
pub fn address() -> IpAddr {
    // Connecting a UDP socket sends nothing; it asks for the route.
    let route = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    route.map_or(Ipv4Addr::LOCALHOST.into(), |local| local.ip())
}

/// Individual sockets for UDP.
pub fn udp() -> Value {
    json!({ "listenInfos": [{ "protocol": "udp", "ip": address() }] })
}

/// The same, with data channels.
pub fn udp_and_data() -> Value {
    let mut options = udp();
    options["enableSctp"] = true.into();
    options
}

/// Individual sockets for TCP alone.
pub fn tcp() -> Value {
    json!({ "listenInfos": [{ "protocol": "tcp", "ip": address() }], "enableUdp": false, "enableTcp": true })
}
