//! `/streams` and `/streams/events`: what is live.
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;

use super::authorization;
use crate::config::Permission;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::stream::Link;
use crate::stream_name::StreamName;
use crate::tokens::{Bearer, Denied};

/// Least time between two events to one client; what changes meanwhile comes together.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(serde::Serialize)]
struct Listing {
    streams: Vec<StreamInfo>,
}

/// One live stream.
#[derive(serde::Serialize)]
struct StreamInfo {
    name: StreamName,
    /// `null` while viewers wait for the publisher to come back.
    publisher: Option<PublisherInfo>,
    /// MIME types of what is published.
    codecs: BTreeSet<String>,
    viewers: usize,
}

#[derive(serde::Serialize)]
struct PublisherInfo {
    /// Milliseconds since 1970.
    since: u64,
    /// `connecting`, `connected` or `lost`.
    state: &'static str,
}

pub(super) async fn list(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let bearer = check(&hub, &request)?;
    let headers = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, Json(listing(&hub, bearer))).into_response())
}

/// Server-Sent Events: `streams`, the whole list, at once and after each change.
pub(super) async fn events(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let bearer = check(&hub, &request)?;
    hub.check_running()?;
    let place = hub.event_streams.clone().try_acquire_owned().map_err(|_| {
        Problem::unavailable("whip.streams: as many clients listen as max_event_streams allows")
    })?;
    let (changes, stop) = (hub.changes(), hub.stop.clone());
    let events = unfold(
        (hub, changes, stop, place, true),
        move |(hub, mut changes, mut stop, place, first)| async move {
            if !first {
                tokio::select! {
                    changed = async { tokio::time::sleep(PAUSE).await; changes.changed().await } => changed.ok()?,
                    () = stop.wait() => return None,
                }
            }
            changes.mark_unchanged();
            let event =
                Event::default().event("streams").json_data(listing(&hub, bearer)).unwrap_or_default();
            Some((Ok::<_, Infallible>(event), (hub, changes, stop, place, false)))
        },
    );
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response())
}

fn check(hub: &Hub, request: &Request) -> Result<Bearer, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method("GET, HEAD, OPTIONS"));
    }
    let bearer = hub.tokens.bearer(authorization(request))?;
    if hub.tokens.grants_any(bearer, Permission::Watch) {
        return Ok(bearer);
    }
    Err(if bearer == Bearer::Anonymous { Denied::Missing } else { Denied::NotGranted }.into())
}

/// The streams that the bearer may watch, by name.
fn listing(hub: &Hub, bearer: Bearer) -> Listing {
    let state = hub.lock();
    let visible = state.streams.iter().filter(|(name, _)| hub.tokens.grants(bearer, Permission::Watch, name));
    let mut streams: Vec<StreamInfo> = visible
        .filter_map(|(name, entry)| {
            let viewers = entry.stream.viewers().count();
            if !entry.stream.is_published() && viewers == 0 {
                return None;
            }
            let codecs = state.published(name).iter().map(|producer| producer.codec().to_owned()).collect();
            let own = entry.stream.publisher().map(|id| PublisherInfo {
                since: millis(entry.published_since),
                state: match entry.stream.link(id) {
                    Some(Link::Up) => "connected",
                    Some(Link::Lost { .. }) => "lost",
                    _ => "connecting",
                },
            });
            let foreign = || {
                Some(PublisherInfo {
                    since: millis(state.foreign_of(entry).map(|live| live.since).min()),
                    state: match state.foreign_of(entry).any(|live| live.started) {
                        true if state.is_silent(entry) => "lost",
                        true => "connected",
                        false => "connecting",
                    },
                })
            };
            let publisher = own.or_else(|| foreign().filter(|_| entry.stream.is_published()));
            Some(StreamInfo { name: name.clone(), publisher, codecs, viewers })
        })
        .collect();
    drop(state);
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    Listing { streams }
}

fn millis(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
