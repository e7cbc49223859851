//! A server on the unmodified mediasoup library (`mediasoup/server.mjs`) whose workers are ours, and the participants of its
//! calls: browsers with mediasoup-client.
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::relay::Relay;
use crate::stack::Running;
use crate::{http, stream, tools, worker};

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

    /// Runs a method of an object of the library; `{"object": id}` in the arguments is one. Gives what it returned, or the
    /// error.
    pub async fn try_call(&self, id: &str, method: &str, arguments: Value) -> Result<Value, String> {
        let call = json!({ "id": id, "method": method, "args": arguments });
        let answer = http::post_json(&format!("{}/call", self.url), &call).await;
        if answer.status.is_success() { Ok(answer.json()) } else { Err(answer.text()) }
    }

    /// Likewise; panics with the library's error.
    pub async fn call(&self, id: &str, method: &str, arguments: Value) -> Value {
        let shown = arguments.to_string();
        self.try_call(id, method, arguments)
            .await
            .unwrap_or_else(|error| panic!("{method}({shown}): {error}"))
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
        let all = http::post_json(&format!("{}/events", self.url), &json!({})).await.json();
        let mut events = all.as_array().cloned().unwrap_or_default();
        events.retain(|happened| happened["id"] == id && happened["event"] == event);
        events.into_iter().map(|mut happened| happened["args"].take()).collect()
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

/// Individual sockets for TCP alone.
pub fn tcp() -> Value {
    json!({ "listenInfos": [{ "protocol": "tcp", "ip": address() }], "enableUdp": false, "enableTcp": true })
}

/// What a participant publishes: the ids of its producers.
#[derive(Debug, Clone)]
pub struct Published {
    /// Of the microphone.
    pub audio: String,
    /// Of the camera.
    pub video: String,
}

/// What a participant watches: the ids of its consumers.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Of sound.
    pub audio: String,
    /// Of pictures.
    pub video: String,
}

/// A page in a call, with one transport in each direction.
pub struct Participant<'b> {
    /// The page.
    pub page: Page<'b>,
    /// The id of the transport that it sends on.
    pub up: String,
    /// The id of the transport that it receives on.
    pub down: String,
}

impl<'b> Participant<'b> {
    /// Opens a page and joins, over UDP.
    pub async fn join(conference: &Conference, browser: &'b Browser, router: &Value) -> Participant<'b> {
        Self::join_over(conference, browser, router, udp(), None).await
    }

    /// Likewise, over transports made with these options; what it receives passes a relay if there is one.
    pub async fn join_over(
        conference: &Conference,
        browser: &'b Browser,
        router: &Value,
        options: Value,
        relayed: Option<&Relayed>,
    ) -> Participant<'b> {
        let page = browser.open(conference.url()).await;
        let mut participant = Participant { page, up: String::new(), down: String::new() };
        participant.rejoin(conference, router, options, relayed).await;
        participant
    }

    /// Joins another router with the same page.
    pub async fn rejoin(
        &mut self,
        conference: &Conference,
        router: &Value,
        options: Value,
        relayed: Option<&Relayed>,
    ) {
        self.page.evaluate("await participant.join(argument)", router["rtpCapabilities"].clone()).await;
        let router = id(router);
        for name in ["up", "down"] {
            let mut transport =
                conference.call(&router, "createWebRtcTransport", json!([options.clone()])).await;
            match name {
                "up" => self.up = id(&transport),
                _ => self.down = id(&transport),
            }
            if let Some(relayed) = relayed.filter(|relayed| relayed.session == name) {
                relayed.stand_before(&mut transport).await;
            }
            let script = "participant.open(argument.name, argument.transport)";
            self.page.evaluate(script, json!({ "name": name, "transport": transport })).await;
        }
    }

    /// Publishes camera and microphone.
    pub async fn publish(&self) -> Published {
        self.publish_with(json!({})).await
    }

    /// Likewise, with options of mediasoup-client for the video.
    pub async fn publish_with(&self, options: Value) -> Published {
        let ids = self.page.evaluate("return await participant.publish(argument)", options).await;
        let of = |kind: &str| ids[kind].as_str().unwrap_or_default().to_owned();
        Published { audio: of("audio"), video: of("video") }
    }

    /// Watches what another one publishes.
    pub async fn watch(&self, published: &Published) -> Watched {
        let audio = self.watch_one(&published.audio).await;
        Watched { audio, video: self.watch_one(&published.video).await }
    }

    /// Watches one producer; gives the consumer's id.
    pub async fn watch_one(&self, producer: &str) -> String {
        let id = self.page.evaluate("return await participant.watch(argument)", json!(producer)).await;
        id.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until pictures and sound arrive; gives the browser's figures.
    pub async fn sees(&self) -> Value {
        stream::flows(&self.page, "down").await
    }

    /// Waits for new pictures; gives the browser's figures.
    pub async fn sees_pictures(&self) -> Value {
        stream::grows(&self.page, "down", &[("inbound-video", "framesDecoded", 10.0)]).await
    }
}

/// A lossy relay between one transport of a participant and the worker.
pub struct Relayed {
    /// `up` or `down`.
    pub session: &'static str,
    /// What it does to datagrams.
    pub impairment: crate::relay::Impairment,
    /// Once the participant has joined.
    pub relay: tokio::sync::OnceCell<Relay>,
}

impl Relayed {
    /// A relay for `up` or `down`.
    pub fn new(session: &'static str, impairment: crate::relay::Impairment) -> Relayed {
        Relayed { session, impairment, relay: Default::default() }
    }

    /// Puts the relay into the place of the worker's address.
    async fn stand_before(&self, transport: &mut Value) {
        let candidate = &mut transport["iceCandidates"][0];
        let target = format!("{}:{}", candidate["address"].as_str().unwrap_or_default(), candidate["port"]);
        let target: SocketAddr = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
        let relay = Relay::start(target, self.impairment, 1).await.expect("a relay");
        candidate["port"] = relay.address().port().into();
        candidate["address"] = relay.address().ip().to_string().into();
        candidate["ip"] = candidate["address"].clone();
        assert!(self.relay.set(relay).is_ok(), "one relay, one participant");
    }
}
