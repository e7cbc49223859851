//! A participant of a mediasoup call: a browser with mediasoup-client (`mediasoup/page.js`).
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::conference::{Conference, id, udp};
use crate::relay::{Impairment, Relay};
use crate::stream;

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

    /// Likewise, over transports made with these options; one of them passes a relay if there is one.
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

    /// Waits until the picture is so high; panics with the browser's figures if it is not within `limit`.
    pub async fn sees_height(&self, height: u64, limit: Duration) {
        let start = Instant::now();
        loop {
            let figures = stream::figures(&self.page, "down").await;
            if stream::number(&figures, "inbound-video", "frameHeight") == height as f64 {
                return;
            }
            assert!(start.elapsed() < limit, "not {height} high within {limit:?}: {figures:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
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
    pub impairment: Impairment,
    /// Once the participant has joined.
    pub relay: OnceLock<Relay>,
}

impl Relayed {
    /// A relay for `up` or `down`.
    pub fn new(session: &'static str, impairment: Impairment) -> Relayed {
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
