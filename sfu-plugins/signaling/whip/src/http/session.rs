//! `/sessions/<id>`: trickle ICE, ICE restart, end, figures.
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use sfu_core::control::{ConsumerStats, ErrorKind, ProducerStats, Target, TransportStats};
use sfu_core::signaling::negotiation::{LocalTransport, is_restart, restart_fragment};
use sfu_core::signaling::sdp::IceFragment;

use super::{authorization, body};
use crate::hub::Hub;
use crate::problem::Problem;
use crate::resource::{Resource, ResourceId, Role, new_etag};
use crate::stream_name::StreamName;

const METHODS: &str = "GET, HEAD, PATCH, DELETE, OPTIONS";

pub(super) async fn session(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::PATCH | Method::DELETE) {
        return Err(Problem::method(METHODS));
    }
    let resource = find(&hub, &id, &request)?;
    match *request.method() {
        Method::PATCH => patch(&hub, &resource, request).await,
        Method::DELETE => {
            let removed = hub.remove(&resource.stream, resource.id, "its client ended it");
            let hub = hub.clone();
            // In a task of its own: it must end even when the client hangs up.
            let _ = tokio::spawn(async move { hub.finish(removed).await }).await;
            Ok(StatusCode::OK.into_response())
        }
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

fn find(hub: &Hub, id: &str, request: &Request) -> Result<Arc<Resource>, Problem> {
    let unknown = || Problem::not_found("whip.session: this session is not there (any more)");
    let resource = ResourceId::parse(id).and_then(|id| hub.resource(id)).ok_or_else(unknown)?;
    hub.tokens.check(authorization(request), resource.role.permission(), &resource.stream)?;
    Ok(resource)
}

/// RFC 9725 §4.3.
async fn patch(hub: &Hub, resource: &Resource, request: Request) -> Result<Response, Problem> {
    let condition =
        request.headers().get(IF_MATCH).map(|value| value.to_str().unwrap_or_default().to_owned());
    let text = body::text(request, "application/trickle-ice-sdpfrag").await?;
    let fragment = IceFragment::parse(text.as_bytes())
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let Some(condition) = condition else {
        return Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "whip.session: PATCH needs If-Match with the session's entity tag, or * to restart ICE",
        ));
    };
    let mut ice = resource.ice.lock().await;
    // The example in the RFC has the star in quotes; clients copied it.
    let any = matches!(condition.trim(), "*" | "\"*\"");
    if !any && !condition.split(',').any(|tag| tag.trim() == ice.etag) {
        return Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "whip.session: the entity tag is that of an earlier ICE session",
        ));
    }
    let Some(credentials) = fragment.credentials().filter(|given| is_restart(&ice.peer, given)) else {
        // We are ICE-lite: we need no candidates of the peer, its checks come to us.
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let etag = new_etag()?;
    let ours = hub.control.restart_ice(resource.transport).await.map_err(|error| match error.kind {
        ErrorKind::NotFound => Problem::not_found("whip.session: this session is not there any more"),
        _ => error.into(),
    })?;
    ice.etag.clone_from(&etag);
    ice.peer = credentials.clone();
    let local = LocalTransport { ice: &ours, candidates: &resource.candidates, fingerprints: &[] };
    let mut answer = restart_fragment(&resource.answer, &local);
    answer.ice_options.clone_from(&resource.answer.ice_options);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/trickle-ice-sdpfrag")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (StatusCode::OK, headers, answer.to_string()).into_response();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

/// What a page draws of its own session.
#[derive(serde::Serialize)]
struct SessionStats {
    stream: StreamName,
    role: Role,
    /// Whether the stream has a publisher now; one of plain RTP that has fallen silent is none.
    published: bool,
    transports: Vec<TransportStats>,
    producers: Vec<ProducerStats>,
    consumers: Vec<ConsumerStats>,
}

pub(super) async fn stats(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method("GET, HEAD, OPTIONS"));
    }
    let resource = find(&hub, &id, &request)?;
    let figures =
        hub.control.stats(Target::Session(resource.session)).await.map_err(|error| match error.kind {
            ErrorKind::NotFound => Problem::not_found("whip.session: this session is not there any more"),
            _ => error.into(),
        })?;
    let stats = SessionStats {
        stream: resource.stream.clone(),
        role: resource.role,
        published: hub.is_sending(&resource.stream),
        transports: figures.transports,
        producers: figures.producers,
        consumers: figures.consumers,
    };
    Ok(([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(stats)).into_response())
}
