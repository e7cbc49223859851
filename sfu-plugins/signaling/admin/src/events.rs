//! `GET /events`: what the worker tells, as Server-Sent Events.
use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{AppendHeaders, IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;
use sfu_core::control::{Event, EventBody, Target};
use sfu_core::signaling::Shutdown;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::api::Api;
use crate::body::Asked;
use crate::error::{ApiError, Kind};
use crate::plugins::PluginId;
use crate::target::TargetText;

/// Time between two comments that keep proxies from closing a quiet connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The query of `GET /events`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    filter: Option<String>,
}

/// The shape of one event's `data` for the description: that of `sfu_core::control::Event`.
#[derive(Debug, schemars::JsonSchema)]
#[schemars(rename = "Event")]
#[allow(dead_code, reason = "stands for a type of sfu-core that has no schema")]
pub(crate) struct EventShape {
    /// What it is about.
    target: Target,
    /// `opened`, `closed`, `ice_state`, `plugin` …
    event: String,
    /// What belongs to it.
    data: Option<Value>,
}

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    All,
    Plugins,
    Plugin(String),
    Target(Target),
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Filter, String> {
        match text.split_once(':') {
            None if text == "plugin" => Ok(Filter::Plugins),
            Some(("plugin", id)) => {
                id.parse::<PluginId>().map(|id| Filter::Plugin(id.into_text())).map_err(str::to_owned)
            }
            Some(("target", target)) => target.parse().map(|TargetText(target)| Filter::Target(target)),
            _ => Err("api.events.filter: write `plugin`, `plugin:<id>` or `target:<kind>:<id>`".into()),
        }
    }
}

impl Filter {
    fn wants(&self, event: &Event) -> bool {
        let plugin = match &event.body {
            EventBody::SessionPush { plugin, .. }
            | EventBody::Plugin { plugin, .. }
            | EventBody::PluginFault { plugin, .. } => Some(plugin),
            _ => None,
        };
        match self {
            Filter::All => true,
            Filter::Plugins => plugin.is_some(),
            Filter::Plugin(id) => plugin == Some(id),
            Filter::Target(target) => event.target == *target,
        }
    }
}

/// One follower. It takes the next event only when the connection has room; what is beyond the backlog is counted.
struct Follower {
    events: Receiver<Event>,
    filter: Filter,
    stop: Shutdown,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            let event = tokio::select! {
                () = self.stop.wait() => return None,
                event = self.events.recv() => event,
            };
            match event {
                Ok(event) if self.filter.wants(&event) => match SseEvent::default().json_data(&event) {
                    Ok(event) => return Some(event),
                    Err(error) => tracing::warn!(%error, "admin: an event can't be written as JSON"),
                },
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    return Some(
                        SseEvent::default().event("missed").data(format!("{{\"missed\":{missed}}}")),
                    );
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// `GET /events`.
pub(crate) async fn follow(
    State(api): State<Api>,
    Asked(query): Asked<EventsQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter.map_or(Ok(Filter::All), |text| text.parse()).map_err(ApiError::invalid)?;
    let place = api.event_places.clone().try_acquire_owned().map_err(|_| {
        let text = "api.events: too many followers; close one, or raise signaling.admin.max_event_streams";
        ApiError::new(Kind::Limit, text)
    })?;
    let follower = Follower { events: api.control.events(), filter, stop: api.stop.clone(), _place: place };
    let events = stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("still here"));
    // A proxy that collects answers would hold events back.
    Ok((AppendHeaders([("x-accel-buffering", "no")]), sse).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::control::{CloseReason, EntityId, ProducerId, RawId};

    #[test]
    fn a_filter_takes_what_it_names() {
        let producer = Target::Producer(ProducerId::from_raw(RawId::new(0, 1, 0)));
        let closed = Event { target: producer, body: EventBody::Closed(CloseReason::Peer) };
        let plugin = |id: &str| Event {
            target: Target::Worker,
            body: EventBody::Plugin { plugin: id.into(), body: Value::Null },
        };
        let wants = |filter: &str, event: &Event| filter.parse::<Filter>().unwrap().wants(event);
        assert!(wants("plugin", &plugin("a")) && !wants("plugin", &closed));
        assert!(wants("plugin:a", &plugin("a")) && !wants("plugin:a", &plugin("b")));
        assert!(wants("target:producer:0.1.0", &closed) && !wants("target:producer:0.2.0", &closed));
        assert!(wants("target:worker", &plugin("a")));
        for bad in ["", "all", "plugin:", "plugin:A", "target", "target:producer", "producer:0.1.0"] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }
}
