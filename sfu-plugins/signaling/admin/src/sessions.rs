//! Sessions, as the figures of their transports show them.
use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sfu_core::control::{Command, Labels, SessionId, Target, TransportId};

use crate::api::{Api, to_the_end};
use crate::body::Id;
use crate::error::ApiError;

/// All sessions that have a transport.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct SessionList {
    sessions: Vec<Session>,
}

/// One peer of one signaling crate.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
struct Session {
    id: SessionId,
    /// Labels of its first transport.
    labels: Labels,
    /// Streams that it publishes or watches.
    streams: BTreeSet<String>,
    transports: Vec<TransportId>,
}

/// `GET /sessions`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<SessionList>, ApiError> {
    let stats = api.control.stats(Target::Worker).await?;
    let mut sessions: BTreeMap<SessionId, Session> = BTreeMap::new();
    for transport in stats.transports {
        let Some(id) = transport.session else { continue };
        let stream = transport.labels.get("stream").map(str::to_owned);
        let session = sessions.entry(id).or_insert_with(|| Session {
            id,
            labels: transport.labels,
            streams: BTreeSet::new(),
            transports: Vec::new(),
        });
        session.streams.extend(stream);
        session.transports.push(transport.id);
    }
    Ok(Json(SessionList { sessions: sessions.into_values().collect() }))
}

/// `POST /sessions/{id}/kick`.
pub(crate) async fn kick(State(api): State<Api>, Id(id): Id<SessionId>) -> Result<StatusCode, ApiError> {
    to_the_end(async move {
        api.control.run(Command::CloseSession(id)).await?;
        tracing::info!(session = %id, "admin: the session was closed by request");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
