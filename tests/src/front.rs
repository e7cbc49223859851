//! A web server in front of a worker: serves a bare page with the raw WHIP and WHEP script, and passes WHIP and WHEP on,
//! with a lossy relay between if asked for.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::relay::{Impairment, Relay};
use crate::{http, sdp};

/// The page for tests that do not need the worker's own.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>raw</title><script src=/raw.js></script><video id=picture \
                    autoplay playsinline></video>";
/// Headers that belong to one connection.
const HOP_BY_HOP: [&str; 4] = ["connection", "transfer-encoding", "content-length", "keep-alive"];

struct Shared {
    worker: String,
    impairment: Option<Impairment>,
    seed: u64,
    relays: Mutex<Vec<Arc<Relay>>>,
}

/// A running front. Ends when dropped.
pub struct Front {
    url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    /// Passes WHIP and WHEP on to a worker (`http://127.0.0.1:8080`).
    pub async fn start(worker: &str) -> Front {
        Self::with(worker, None, 0).await
    }

    /// Likewise; the media of each session made through it passes a relay of its own.
    pub async fn lossy(worker: &str, impairment: Impairment, seed: u64) -> Front {
        Self::with(worker, Some(impairment), seed).await
    }

    async fn with(worker: &str, impairment: Option<Impairment>, seed: u64) -> Front {
        let shared =
            Arc::new(Shared { worker: worker.to_owned(), impairment, seed, relays: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let app = Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/raw.js", get(raw_script))
            .fallback(pass_on)
            .with_state(shared.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Front { url, shared, task }
    }

    /// The bare page: `http://127.0.0.1:<port>`, a secure context for browsers, so cameras work.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where publishers of a stream post their offers.
    pub fn whip(&self, stream: &str) -> String {
        format!("{}/whip/{stream}", self.url)
    }

    /// Where viewers of a stream post their offers.
    pub fn whep(&self, stream: &str) -> String {
        format!("{}/whep/{stream}", self.url)
    }

    /// The relays of the sessions made so far, in order.
    pub fn relays(&self) -> Vec<Arc<Relay>> {
        self.shared.relays.lock().unwrap().clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn raw_script() -> impl IntoResponse {
    let path = crate::tools::package().join("node/raw.js");
    let script = std::fs::read_to_string(path).expect("tests/node/raw.js");
    ([(CONTENT_TYPE, "text/javascript")], script)
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        // The page's origin is this front, which the worker has no reason to know.
        .filter(|(name, _)| !["host", "origin", "referer"].contains(&name.as_str()) && !is_hop_by_hop(name))
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let url = format!("{}{path}", shared.worker);
    let answer = match http::try_send(parts.method, &url, &headers, body).await {
        Ok(answer) => answer,
        Err(error) => return (StatusCode::BAD_GATEWAY, error).into_response(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        if !is_hop_by_hop(name) {
            headers.append(name, value.clone());
        }
    }
    // An absolute Location would lead around the front.
    if let Some(path) = answer.header("location").strip_prefix(&shared.worker)
        && let Ok(path) = path.parse()
    {
        headers.insert(LOCATION, path);
    }
    let body = match shared.impairment {
        Some(how) if answer.status == StatusCode::CREATED => {
            match impaired(&shared, how, &answer.text()).await {
                Ok(sdp) => Bytes::from(sdp),
                Err(error) => return (StatusCode::BAD_GATEWAY, error).into_response(),
            }
        }
        _ => answer.body,
    };
    (answer.status, headers, body).into_response()
}

/// The answer with a relay in place of the worker's first candidate.
async fn impaired(shared: &Shared, how: Impairment, answer: &str) -> Result<String, String> {
    let candidates = sdp::udp_candidates(answer);
    let target = candidates
        .iter()
        .find(|candidate| candidate.is_ipv4())
        .copied()
        .ok_or("the answer has no UDP candidate over IPv4, so there is nothing to put a relay before")?;
    let seed = shared.seed.wrapping_add(shared.relays.lock().unwrap().len() as u64);
    let relay = Relay::start(target, how, seed).await.map_err(|error| format!("relay: {error}"))?;
    let rewritten = sdp::with_only_candidate(answer, target, relay.address());
    shared.relays.lock().unwrap().push(Arc::new(relay));
    Ok(rewritten)
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=candidate:1 1 udp 1 127.0.0.1 4000 typ host\r\n\
                          a=candidate:2 1 tcp 1 127.0.0.1 4000 typ host tcptype passive\r\n";

    /// A worker that answers every offer with [`ANSWER`].
    async fn worker() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let location = format!("{url}/sessions/1");
        let app = Router::new().fallback(async move |request: Request| {
            assert!(request.headers().get("origin").is_none());
            (StatusCode::CREATED, [(LOCATION, location)], ANSWER)
        });
        tokio::spawn(async { axum::serve(listener, app).await });
        url
    }

    #[tokio::test]
    async fn requests_pass_and_locations_stay_on_the_front() {
        let front = Front::start(&worker().await).await;
        let answer = http::post_sdp(&front.whip("a/b"), "v=0").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (201, "/sessions/1"));
        assert_eq!(answer.text(), ANSWER);
    }

    #[tokio::test]
    async fn a_lossy_front_puts_a_relay_before_the_worker() {
        let front = Front::lossy(&worker().await, Impairment::loss(0.05), 1).await;
        let answer = http::post_sdp(&front.whep("a"), "v=0").await;
        let relay = front.relays()[0].address();
        assert_eq!(sdp::udp_candidates(&answer.text()), [relay]);
        assert!(!answer.text().contains("tcptype"));
    }

    #[tokio::test]
    async fn the_bare_page_and_its_script_are_served() {
        let front = Front::start("http://127.0.0.1:1").await;
        assert!(http::get(front.url()).await.text().contains("/raw.js"));
        assert!(http::get(&format!("{}/raw.js", front.url())).await.status.is_success());
    }
}
