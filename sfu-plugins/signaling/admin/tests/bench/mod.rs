//! An admin API on stand-ins for the media threads.
#![allow(dead_code, reason = "each test file uses its part")]
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use sfu_admin::Admin;
use sfu_core::control::*;
use sfu_core::http::Client;
use sfu_core::signaling::{Shutdown, Signaling};
use sfu_core::testing::{ControlDouble, control_double};
use tokio::sync::watch;
use tower::ServiceExt;

/// The token of [`TOKEN_CONFIG`].
pub const TOKEN: &str = "a-token-of-a-good-length";
/// A configuration with a token.
pub const TOKEN_CONFIG: &str = "token = 'a-token-of-a-good-length'";

pub struct Bench {
    pub router: Router,
    pub control: ControlHandle,
    pub double: ControlDouble,
    pub stop: watch::Sender<bool>,
}

/// What a request is answered with.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub json: Value,
}

impl Answer {
    /// `kind` and `text` of an error.
    pub fn error(&self) -> (&str, &str) {
        let text = |name: &str| self.json["error"][name].as_str().unwrap_or_default();
        (text("kind"), text("text"))
    }
}

/// Who asks.
#[derive(Clone)]
pub struct From {
    pub peer: SocketAddr,
    pub ip: Option<std::net::IpAddr>,
    pub https: bool,
    /// What a trusted proxy says.
    pub forwarded_host: Option<String>,
}

impl Default for From {
    fn default() -> From {
        From { peer: ([127, 0, 0, 1], 50_000).into(), ip: None, https: false, forwarded_host: None }
    }
}

impl Bench {
    pub fn new(config: &str) -> Bench {
        Bench::with_workers(config, 1)
    }

    pub fn with_workers(config: &str, workers: u8) -> Bench {
        let (control, double) = control_double(workers);
        let (stop, watch) = Shutdown::new();
        let admin = Admin::new(toml::from_str(config).unwrap()).unwrap();
        let router = Router::new().nest("/api", admin.router(control.clone(), watch));
        Bench { router, control, double, stop }
    }

    /// Sends a request as the shared HTTP server would hand it on.
    pub async fn send_from(&self, from: From, mut request: Request<Body>) -> Answer {
        let host = request.headers().get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
        request.extensions_mut().insert(Client {
            ip: from.ip.unwrap_or(from.peer.ip()),
            peer: from.peer,
            https: from.https,
            host: from.forwarded_host.or(host),
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000_000).await.unwrap();
        let json = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).expect("every body is JSON"),
        };
        Answer { status: parts.status, headers: parts.headers, json }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from(From::default(), request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[], "")).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(request(Method::DELETE, path, &[], "")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(json(Method::POST, path, &body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(json(Method::PUT, path, &body)).await
    }

    /// A peer as a signaling crate would make it.
    pub async fn peer(&self, router: RouterId, stream: &str, role: &str) -> (SessionId, TransportId) {
        let labels = Labels::new().with("stream", stream).with("role", role);
        let options = CreateSession { signaling: "whip".into(), labels: labels.clone() };
        let session = self.control.create_session(router.worker(), options).await.unwrap();
        (session, self.transport(router, Some(session), labels).await)
    }

    pub async fn transport(
        &self,
        router: RouterId,
        session: Option<SessionId>,
        labels: Labels,
    ) -> TransportId {
        let options = WebRtcTransportOptions { session, labels, ..Default::default() };
        self.control.create_webrtc_transport(router, options).await.unwrap().id
    }

    pub async fn producer(&self, transport: TransportId, kind: MediaKind, labels: Labels) -> ProducerId {
        self.producer_of(transport, kind, labels, &[]).await
    }

    pub async fn producer_of(
        &self,
        transport: TransportId,
        kind: MediaKind,
        labels: Labels,
        codecs: &[(&str, u8)],
    ) -> ProducerId {
        let codec = |(mime_type, payload_type): &(&str, u8)| RtpCodecParameters {
            mime_type: (*mime_type).into(),
            payload_type: *payload_type,
            clock_rate: 90_000,
            parameters: [("x-test".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        };
        let rtp_parameters =
            RtpParameters { codecs: codecs.iter().map(codec).collect(), ..Default::default() };
        let options = ProducerOptions {
            rtp_mapping: RtpMapping::default(),
            labels,
            ..ProducerOptions::new(kind, rtp_parameters)
        };
        self.control.produce(transport, options).await.unwrap().id
    }

    pub async fn consumer(&self, transport: TransportId, producer: ProducerId) -> ConsumerId {
        let options = ConsumerOptions::new(producer, RtpParameters::default());
        self.control.consume(transport, options).await.unwrap()
    }

    /// A router with a publisher of video and one viewer of it.
    pub async fn call(&self, stream: &str) -> Call {
        let labels = Labels::new().with("stream", stream);
        let router = self.control.create_router(self.control.pick_worker(), labels).await.unwrap();
        let (publisher, sends) = self.peer(router, stream, "publisher").await;
        let producer = self.producer(sends, MediaKind::Video, Labels::new()).await;
        let (viewer, receives) = self.peer(router, stream, "viewer").await;
        let consumer = self.consumer(receives, producer).await;
        Call { router, publisher, sends, producer, viewer, receives, consumer }
    }
}

pub struct Call {
    pub router: RouterId,
    pub publisher: SessionId,
    pub sends: TransportId,
    pub producer: ProducerId,
    pub viewer: SessionId,
    pub receives: TransportId,
    pub consumer: ConsumerId,
}

/// A request to `127.0.0.1:8080` unless `headers` bring another `host` (an empty one: none at all).
pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        builder = builder.header("host", "127.0.0.1:8080");
    }
    for (name, value) in headers.iter().filter(|header| !header.1.is_empty()) {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(body.to_owned())).unwrap()
}

pub fn json(method: Method, path: &str, body: &Value) -> Request<Body> {
    request(method, path, &[("content-type", "application/json")], &body.to_string())
}
