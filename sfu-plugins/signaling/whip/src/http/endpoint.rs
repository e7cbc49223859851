//! `POST /whip/<stream>` and `POST /whep/<stream>`.
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{authorization, body};
use sfu_core::http::Client;

use crate::config::Config;
use crate::hub::Hub;
use crate::negotiate::Offer;
use crate::problem::Problem;
use crate::resource::Role;
use crate::set_up::{Created, to_the_end};
use crate::stream_name::StreamName;

/// How long the worker may take to say what producers of others are, for a viewer who wants them at once.
const ASKING: Duration = Duration::from_secs(1);
/// After the first producer of somebody else, how long those who wait for the stream wait for the next one.
const SETTLE: Duration = Duration::from_millis(300);

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

pub(super) async fn whip(
    State(hub): State<Arc<Hub>>,
    Path(stream): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    serve(hub, Role::Publisher, &stream, request).await
}

pub(super) async fn whep(
    State(hub): State<Arc<Hub>>,
    Path(stream): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    serve(hub, Role::Viewer, &stream, request).await
}

async fn serve(hub: Arc<Hub>, role: Role, stream: &str, request: Request) -> Result<Response, Problem> {
    let name = StreamName::parse(stream)?;
    match *request.method() {
        Method::POST => {}
        // RFC 9725 §4.1: the endpoint has no representation.
        Method::GET | Method::HEAD => return Ok(StatusCode::NO_CONTENT.into_response()),
        _ => return Err(Problem::method(METHODS)),
    }
    hub.check_running()?;
    hub.tokens.check(authorization(&request), role.permission(), &name)?;
    if let Some(accept) = request.headers().get(ACCEPT)
        && !accepts_sdp(accept.to_str().unwrap_or_default())
    {
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "whip: the answer is application/sdp"));
    }
    let patience = match role {
        Role::Publisher => None,
        Role::Viewer => wait(request.uri().query(), &hub.config)?,
    };
    let peer = request.extensions().get::<Client>().map(|client| client.ip);
    let text = body::text(request, "application/sdp").await?;
    let offer = Offer::parse(&text, role)?;
    if role == Role::Viewer {
        wait_for_publisher(&hub, &name, patience).await?;
    }
    let created = to_the_end(&hub, name, offer, peer).await?;
    Ok(answer(&hub.config, created))
}

/// Whether `Accept` leaves room for `application/sdp`. Weights are not looked at, but for a zero.
fn accepts_sdp(accept: &str) -> bool {
    accept.trim().is_empty()
        || accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default();
            let refused = parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            let fits =
                ["*/*", "application/*", "application/sdp"].iter().any(|t| essence.eq_ignore_ascii_case(t));
            fits && !refused
        })
}

/// How long to wait for a publisher: `?wait` as long as the configuration allows, `?wait=5` five seconds at the most.
fn wait(query: Option<&str>, config: &Config) -> Result<Option<Duration>, Problem> {
    for pair in query.unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "wait" {
            if value.is_empty() {
                return Ok(Some(config.max_wait()));
            }
            let seconds: u64 = value.parse().map_err(|_| {
                Problem::new(StatusCode::BAD_REQUEST, "whep: `wait` is a number of seconds, or has no value")
            })?;
            return Ok(Some(Duration::from_secs(seconds).min(config.max_wait())));
        }
    }
    Ok(None)
}

/// Ends when the stream has a publisher, or the time is over; the set-up then says what is missing.
async fn wait_for_publisher(
    hub: &Arc<Hub>,
    name: &StreamName,
    patience: Option<Duration>,
) -> Result<(), Problem> {
    let mut changes = hub.changes();
    // Whoever has just begun plain RTP by another request is answered like one who published long ago.
    let begun = async {
        hub.catch_up().await;
        while hub.lock().is_asking(name) && changes.changed().await.is_ok() {}
    };
    let _ = tokio::time::timeout(ASKING, begun).await;
    let Some(patience) = patience.filter(|_| !hub.is_published(name)) else { return Ok(()) };
    let _place = hub.waiting.try_acquire().map_err(|_| {
        Problem::unavailable("whep: as many requests wait for a publisher as max_waiting allows")
    })?;
    let mut stop = hub.stop.clone();
    let published = async {
        while !hub.is_published(name) {
            if changes.changed().await.is_err() {
                return;
            }
        }
        // Plain RTP comes one medium after the other, by requests of their own: the answer should have all of them.
        if hub.is_foreign(name) {
            tokio::time::sleep(SETTLE).await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(patience, published) => hub.check_running(),
        _ = stop.wait() => hub.check_running(),
    }
}

fn answer(config: &Config, created: Created) -> Response {
    let mut headers = HeaderMap::new();
    let location = format!("{}/sessions/{}", config.public_url.as_deref().unwrap_or_default(), created.id);
    let sdp = HeaderValue::from_static("application/sdp");
    headers.insert(CONTENT_TYPE, sdp);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("accept-patch"),
        HeaderValue::from_static("application/trickle-ice-sdpfrag"),
    );
    put(&mut headers, LOCATION, &location);
    put(&mut headers, ETAG, &created.etag);
    for link in ice_server_links(config) {
        if let Ok(value) = HeaderValue::from_str(&link) {
            headers.append(LINK, value);
        }
    }
    (StatusCode::CREATED, headers, created.answer).into_response()
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// RFC 9725 §4.6.
fn ice_server_links(config: &Config) -> impl Iterator<Item = String> + '_ {
    config.ice_servers.iter().map(|server| {
        let mut link = format!("<{}>; rel=\"ice-server\"", server.url);
        if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
            link += &format!(
                "; username=\"{username}\"; credential=\"{}\"; credential-type=\"password\"",
                credential.0
            );
        }
        link
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_respected_where_it_excludes_sdp() {
        for good in ["", "*/*", "application/sdp", "text/html, application/*;q=0.1", "APPLICATION/SDP"] {
            assert!(accepts_sdp(good), "{good}");
        }
        for bad in ["text/html", "application/json", "application/sdp;q=0"] {
            assert!(!accepts_sdp(bad), "{bad}");
        }
    }

    #[test]
    fn wait_is_bounded_by_the_configuration() {
        let config = Config::default();
        assert_eq!(wait(None, &config).unwrap(), None);
        assert_eq!(wait(Some("x=1"), &config).unwrap(), None);
        assert_eq!(wait(Some("x=1&wait"), &config).unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(wait(Some("wait=4"), &config).unwrap(), Some(Duration::from_secs(4)));
        assert_eq!(wait(Some("wait=99999999999"), &config).unwrap(), Some(Duration::from_secs(30)));
        assert!(wait(Some("wait=soon"), &config).is_err());
    }
}
