//! Cross-Origin Resource Sharing (Fetch standard), and `OPTIONS` as RFC 9725 §4.2 wants it.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::hub::Hub;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match, Accept");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Location, Link, ETag, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate",
);

/// Answers `OPTIONS` itself, and puts the CORS headers on everything else.
pub(super) async fn allow(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = if request.method() == Method::OPTIONS { options() } else { next.run(request).await };
    put_origin(response.headers_mut(), &hub.config.allowed_origins, origin.as_ref());
    response
}

fn put_origin(headers: &mut HeaderMap, allowed: &[String], origin: Option<&HeaderValue>) {
    if allowed.iter().any(|a| a == "*") {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) =
            origin.filter(|o| allowed.iter().any(|a| o.as_bytes().eq_ignore_ascii_case(a.as_bytes())))
        else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

fn options() -> Response {
    let headers: [(HeaderName, HeaderValue); 6] = [
        (ALLOW, METHODS),
        (HeaderName::from_static("accept-post"), HeaderValue::from_static("application/sdp")),
        (
            HeaderName::from_static("accept-patch"),
            HeaderValue::from_static("application/trickle-ice-sdpfrag"),
        ),
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::OK, headers).into_response()
}
