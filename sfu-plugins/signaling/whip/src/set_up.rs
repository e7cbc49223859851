//! Making a session in the worker, step by step; what was made is closed again when a step fails.
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sfu_core::control::{
    Command, CreateSession, ErrorKind, MediaKind, RouterId, SessionId, WebRtcTransportCreated,
    WebRtcTransportOptions,
};
use sfu_core::signaling::negotiation::{DataChannels, PublisherPlan};
use sfu_core::signaling::ortc::RtpCapabilities;
use sfu_core::signaling::sdp::{IceCredentials, SessionDescription};

use serde_json::json;

use crate::handover::Cause;
use crate::hub::Hub;
use crate::negotiate::Offer;
use crate::problem::Problem;
use crate::resource::{Consumed, IceSession, Produced, Resource, ResourceId, Role, new_etag};
use crate::stream_name::StreamName;
use crate::{data_channel, handover, negotiate};

/// What a client gets for its offer.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) id: ResourceId,
    pub(crate) etag: String,
    pub(crate) answer: String,
}

/// Sets up a publisher. Must run to its end: see [`to_the_end`].
async fn publish(
    hub: &Arc<Hub>,
    name: &StreamName,
    offer: &SessionDescription,
    plan: PublisherPlan,
    peer: Option<IpAddr>,
) -> Result<Created, Problem> {
    let id = ResourceId::random()?;
    let kinds: Vec<MediaKind> = plan.produce.iter().map(|media| media.kind).collect();
    let (worker, router) = hub.admit_publisher(name, id, &kinds)?;
    let mut session = None;
    let steps = async {
        let router = match router {
            Some(router) => router,
            None => {
                let labels = Role::Publisher.labels(name).with("role", "stream");
                let made = hub.control.create_router(worker, labels).await?;
                let router = hub.keep_router(name, made);
                if router != made {
                    hub.control.run(Command::CloseRouter(made)).await?;
                }
                router
            }
        };
        let plan = match negotiate::plan_with_red(offer) {
            Some(redundant) if takes_red(hub, router).await => redundant,
            _ => plan,
        };
        let (opened, transport) = open(hub, Role::Publisher, name, router, plan.data, &mut session).await?;
        hub.control.connect_webrtc_transport(transport.id, plan.peer.dtls.clone()).await?;
        if plan.data.is_some() {
            data_channel::make(hub, transport.id, Role::Publisher.labels(name)).await?;
        }
        let mut producers = Vec::new();
        for media in &plan.produce {
            let options = negotiate::producer_options(media, Role::Publisher.labels(name));
            let produced = hub.control.produce(transport.id, options).await?;
            let (kind, consumable) = (media.kind, media.consumable.clone());
            producers.push(Produced { id: produced.id, kind, consumer_type: produced.kind, consumable });
        }
        let answer = plan.answer(offer, &negotiate::local(&transport));
        let role = Role::Publisher;
        let made = Made { id, role, session: opened, transport, answer, ice: plan.peer.ice, peer };
        made.resource(name, producers, Vec::new(), Vec::new())
    };
    let (resource, created) = finish(hub, name, id, steps.await, &mut session).await?;
    match hub.enter(resource) {
        Some((_, replaced)) => {
            handover::begin(hub, name, Cause::Publisher, replaced);
            Ok(created)
        }
        None => Err(undo(hub, name, id, session, stopping()).await),
    }
}

/// Sets up a viewer, and once more if the publisher was replaced under its hands. Must run to its end: see
/// [`to_the_end`].
async fn watch(
    hub: &Arc<Hub>,
    name: &StreamName,
    offer: &SessionDescription,
    peer: Option<IpAddr>,
) -> Result<Created, Problem> {
    let before = hub.epoch(name);
    let outcome = watch_once(hub, name, offer, peer).await;
    if outcome.is_err() && hub.epoch(name) != before && hub.is_published(name) {
        return watch_once(hub, name, offer, peer).await;
    }
    outcome
}

async fn watch_once(
    hub: &Arc<Hub>,
    name: &StreamName,
    offer: &SessionDescription,
    peer: Option<IpAddr>,
) -> Result<Created, Problem> {
    let id = ResourceId::random()?;
    let (router, published, epoch) = hub.admit_viewer(name, id)?;
    let mut session = None;
    let steps = async {
        let red = negotiate::wants_red(offer) && takes_red(hub, router).await;
        let plan = negotiate::viewer_plan(offer, &published, red)?;
        let (opened, transport) = open(hub, Role::Viewer, name, router, plan.data, &mut session).await?;
        hub.control.connect_webrtc_transport(transport.id, plan.peer.dtls.clone()).await?;
        if plan.data.is_some() {
            data_channel::make(hub, transport.id, Role::Viewer.labels(name)).await?;
        }
        let mut consumers = Vec::new();
        for media in &plan.consume {
            let Some(producer) = published.get(media.producer) else { continue };
            let accepted = negotiate::accepted_codecs(producer, &media.rtp_parameters);
            let labels = Role::Viewer.labels(name);
            let options = negotiate::consumer_options(producer, media.rtp_parameters.clone(), labels);
            let id = hub.control.consume(transport.id, options).await?;
            consumers.push(Consumed { id, producer: producer.id, kind: media.kind, accepted });
        }
        let answer = plan.answer(offer, &negotiate::local(&transport));
        let unused = negotiate::unused(offer, &plan);
        let role = Role::Viewer;
        let made = Made { id, role, session: opened, transport, answer, ice: plan.peer.ice, peer };
        made.resource(name, Vec::new(), consumers, unused)
    };
    let (resource, created) = finish(hub, name, id, steps.await, &mut session).await?;
    match hub.enter(resource) {
        Some((viewer, _)) => {
            handover::catch_up(hub, viewer, epoch);
            Ok(created)
        }
        None => Err(undo(hub, name, id, session, stopping()).await),
    }
}

/// Runs a set-up in a task of its own, so that a client that hangs up half-way leaves nothing behind: the set-up ends,
/// finds nobody to tell, and is closed.
pub(crate) async fn to_the_end(
    hub: &Arc<Hub>,
    name: StreamName,
    offer: Offer,
    peer: Option<IpAddr>,
) -> Result<Created, Problem> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let hub = hub.clone();
    tokio::spawn(async move {
        let outcome = match offer {
            Offer::Publish { description, plan } => publish(&hub, &name, &description, *plan, peer).await,
            Offer::Watch { description } => watch(&hub, &name, &description, peer).await,
        };
        if let Err(Ok(created)) = tell.send(outcome) {
            hub.close_soon(created.id, "its client hung up before the answer");
        }
    });
    told.await.unwrap_or_else(|_| Err(stopping()))
}

fn stopping() -> Problem {
    Problem::unavailable("whip: the worker is stopping; try another one")
}

/// Whether the plugin `red` is on in a router: without it, RED would be silence for all who have Opus alone.
async fn takes_red(hub: &Hub, router: RouterId) -> bool {
    let status = hub.control.plugin_request("red", router.into(), json!({ "method": "status" }));
    // A worker without the plugin answers with an error.
    status.await.is_ok_and(|status| status["on"] == true)
}

/// A session with its transport, not connected yet, where in the stream's room there is a place for it.
async fn open(
    hub: &Hub,
    role: Role,
    name: &StreamName,
    router: RouterId,
    data: Option<DataChannels>,
    session: &mut Option<SessionId>,
) -> Result<(SessionId, WebRtcTransportCreated), Problem> {
    let labels = role.labels(name);
    let options = CreateSession { signaling: "whip".into(), labels: labels.clone() };
    let router = hub.control.place(router).await?;
    let opened = hub.control.create_session(router.worker(), options).await?;
    *session = Some(opened);
    let options = WebRtcTransportOptions {
        session: Some(opened),
        labels,
        ice_consent_timeout: Duration::from_secs(hub.config.consent_timeout_s),
        initial_outgoing_bitrate: hub.config.initial_outgoing_bitrate,
        sctp: data.map(|data| data.sctp),
        ..WebRtcTransportOptions::default()
    };
    Ok((opened, hub.control.create_webrtc_transport(router, options).await?))
}

/// What was made for one client.
struct Made {
    id: ResourceId,
    role: Role,
    session: SessionId,
    transport: WebRtcTransportCreated,
    answer: SessionDescription,
    ice: IceCredentials,
    peer: Option<IpAddr>,
}

impl Made {
    fn resource(
        self,
        name: &StreamName,
        producers: Vec<Produced>,
        consumers: Vec<Consumed>,
        unused: Vec<RtpCapabilities>,
    ) -> Result<(Resource, Created), Problem> {
        let etag = new_etag()?;
        let created = Created { id: self.id, etag: etag.clone(), answer: self.answer.to_string() };
        let resource = Resource {
            id: self.id,
            stream: name.clone(),
            role: self.role,
            session: self.session,
            transport: self.transport.id,
            candidates: self.transport.ice_candidates,
            answer: self.answer,
            ice: tokio::sync::Mutex::new(IceSession { etag, peer: self.ice }),
            producers,
            consumers: tokio::sync::Mutex::new(consumers),
            unused,
            peer: self.peer,
            since: SystemTime::now(),
        };
        Ok((resource, created))
    }
}

async fn finish<T>(
    hub: &Arc<Hub>,
    name: &StreamName,
    id: ResourceId,
    outcome: Result<T, Problem>,
    session: &mut Option<SessionId>,
) -> Result<T, Problem> {
    match outcome {
        Ok(made) => Ok(made),
        Err(problem) => Err(undo(hub, name, id, session.take(), problem).await),
    }
}

/// Closes what a failed set-up made, and gives its place in the stream free.
async fn undo(
    hub: &Arc<Hub>,
    name: &StreamName,
    id: ResourceId,
    session: Option<SessionId>,
    problem: Problem,
) -> Problem {
    if let Some(session) = session
        && let Err(error) = hub.control.run(Command::CloseSession(session)).await
        && !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Stopped)
    {
        tracing::warn!(%error, "whip: closing a session whose set-up failed");
    }
    let removed = hub.remove(name, id, "its set-up failed");
    hub.finish(removed).await;
    problem
}
