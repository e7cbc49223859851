//! A WHIP signaling that runs on a stand-in, and short words to speak to it.
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sfu_core::control::{
    CloseReason, Command, ConsumerId, ControlHandle, EntityKind, EventBody, IceState, ProducerId, Target,
    TransportId,
};
use sfu_core::signaling::{Mounts, Shutdown, Signaling, SignalingError};
use sfu_core::testing::{ControlDouble, control_double};
use sfu_whip::Whip;
use tower::ServiceExt;

pub const PUBLISH: &str = include_str!("../../../../../sfu-core/src/signaling/testdata/chromium-publish.sdp");
pub const WATCH: &str = include_str!("../../../../../sfu-core/src/signaling/testdata/chromium-watch.sdp");

pub struct Bench {
    pub double: ControlDouble,
    pub control: ControlHandle,
    pub mounts: Mounts,
    pub stop: tokio::sync::watch::Sender<bool>,
    pub running: tokio::task::JoinHandle<Result<(), SignalingError>>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A session as its client knows it, and its transport.
#[derive(Debug, Clone)]
pub struct Peer {
    pub location: String,
    pub etag: String,
    pub answer: String,
    pub transport: TransportId,
}

pub fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// Only one medium of an offer, as another encoder would offer it.
pub fn without_video(sdp: &str) -> String {
    let cut = sdp.find("m=video").unwrap();
    let mut audio = sdp[..cut].to_owned();
    let group = audio.lines().find(|line| line.starts_with("a=group:BUNDLE")).unwrap().to_owned();
    let first = group.split(' ').nth(1).unwrap();
    audio = audio.replace(&group, &format!("a=group:BUNDLE {first}"));
    audio
}

impl Bench {
    pub async fn start(config: &str) -> Self {
        Self::with_workers(config, 1).await
    }

    pub async fn with_workers(config: &str, workers: u8) -> Self {
        let (control, double) = control_double(workers);
        Self::on(control, double, config).await
    }

    /// In front of a worker that is there already.
    pub async fn on(control: ControlHandle, double: ControlDouble, config: &str) -> Self {
        let mounts = Mounts::new();
        let (stop, shutdown) = Shutdown::new();
        let whip = Whip::new(toml::from_str(config).unwrap()).unwrap();
        let running = tokio::spawn(whip.run(control.clone(), mounts.clone(), shutdown));
        tokio::time::sleep(Duration::from_millis(1)).await;
        // It asks once what is published already.
        double.clear_commands();
        Bench { double, control, mounts, stop, running }
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send_bytes(method, path, headers, body.as_bytes().to_vec()).await
    }

    pub async fn send_bytes(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.mounts.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn post(&self, path: &str, sdp: &str) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/sdp")], sdp).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn delete(&self, peer: &Peer) -> StatusCode {
        self.send(Method::DELETE, &peer.location, &[], "").await.status
    }

    /// Posts an offer that must succeed, and lets ICE connect.
    pub async fn join(&self, path: &str, sdp: &str) -> Peer {
        let answer = self.post(path, sdp).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let peer = Peer {
            location: answer.header("location").to_owned(),
            etag: answer.header("etag").to_owned(),
            answer: answer.body,
            transport: self.transports().last().copied().unwrap(),
        };
        self.ice(&peer, IceState::Completed).await;
        peer
    }

    pub async fn publish(&self, stream: &str) -> Peer {
        self.join(&format!("/whip/{stream}"), PUBLISH).await
    }

    pub async fn watch(&self, stream: &str) -> Peer {
        self.join(&format!("/whep/{stream}"), WATCH).await
    }

    pub async fn ice(&self, peer: &Peer, state: IceState) {
        self.double.emit(peer.transport, EventBody::IceState(state));
        self.settle().await;
    }

    pub async fn close(&self, target: impl Into<Target>, reason: CloseReason) {
        self.double.close(target, reason);
        self.settle().await;
    }

    /// Lets everything that is under way come to its end.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    pub async fn is_there(&self, peer: &Peer) -> bool {
        self.get(&peer.location).await.status == StatusCode::NO_CONTENT
    }

    pub fn transports(&self) -> Vec<TransportId> {
        let targets = self.double.targets(EntityKind::Transport).into_iter();
        targets.filter_map(|t| if let Target::Transport(id) = t { Some(id) } else { None }).collect()
    }

    pub fn producers(&self) -> Vec<ProducerId> {
        let targets = self.double.targets(EntityKind::Producer).into_iter();
        targets.filter_map(|t| if let Target::Producer(id) = t { Some(id) } else { None }).collect()
    }

    pub fn consumers(&self) -> Vec<ConsumerId> {
        let targets = self.double.targets(EntityKind::Consumer).into_iter();
        targets.filter_map(|t| if let Target::Consumer(id) = t { Some(id) } else { None }).collect()
    }

    pub fn switches(&self) -> usize {
        self.double.commands().iter().filter(|c| matches!(c, Command::SwitchConsumer { .. })).count()
    }
}
