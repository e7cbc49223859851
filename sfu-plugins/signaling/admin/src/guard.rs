//! Who is let in. Every request passes here before any route, unknown paths too.
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sfu_core::http::Client;

use crate::api::Api;
use crate::authority::Authority;
use crate::error::{ApiError, Kind};
use crate::settings::Settings;

/// A request that is not answered by then is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that only a proxy writes.
const FORWARDED: [&str; 8] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "cf-connecting-ip",
];

/// Checks a request, and puts on its answer what keeps a browser from giving it to another page.
pub(crate) async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    let mut response = match check(&api.settings, &request) {
        Ok(()) => tokio::time::timeout(TIMEOUT, next.run(request)).await.unwrap_or_else(|_| {
            let text =
                format!("api: no answer within {} s; the media thread may be overloaded", TIMEOUT.as_secs());
            ApiError::new(Kind::Timeout, text).into_response()
        }),
        Err(error) => {
            tracing::debug!(path = request.uri().path(), "admin: refused: {}", error.text);
            error.into_response()
        }
    };
    let corp = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (corp, "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(settings: &Settings, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let Some(client) = request.extensions().get::<Client>() else {
        return Err(forbidden(
            "it is not known who sent this request; serve the API by the worker's HTTP server",
        ));
    };
    check_page(client, headers)?;
    match &settings.token {
        Some(token) => {
            let mut given = headers.get_all(AUTHORIZATION).iter();
            let good =
                given.next().is_some_and(|header| token.is_in(header.as_bytes())) && given.next().is_none();
            if !good {
                let text =
                    "api: this API needs its token; send `Authorization: Bearer <signaling.admin.token>`";
                return Err(ApiError::new(Kind::Unauthorized, text));
            }
        }
        None => check_local(client, request)?,
    }
    check_media_type(request.method(), headers)
}

/// A browser says which page a request comes from: it must be one of ours, or none.
fn check_page(client: &Client, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = client.host.as_deref().and_then(Authority::parse);
    for origin in headers.get_all(ORIGIN) {
        let same = match (&host, origin.to_str()) {
            (Some(host), Ok(origin)) => host.is_origin(client.https, origin),
            _ => false,
        };
        if !same {
            return Err(forbidden(
                "pages of another origin may not use this API; behind a proxy, list the proxy in http.trusted_proxies \
                 and let it send X-Forwarded-Host and X-Forwarded-Proto",
            ));
        }
    }
    // `none`: typed by a person. `same-site` is another port of this machine, which may be anybody's page.
    let site = headers.get_all("sec-fetch-site").iter();
    if site.into_iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none")) {
        return Err(forbidden("pages of another origin may not use this API"));
    }
    Ok(())
}

/// Without a token a request must come from this machine, by a name that no name server gives away.
fn check_local(client: &Client, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let local = |ip: std::net::IpAddr| ip.to_canonical().is_loopback();
    if !local(client.peer.ip()) || !local(client.ip) {
        return Err(forbidden(
            "without a token only this machine may use this API; set signaling.admin.token",
        ));
    }
    // A proxy on this machine makes the whole world look like this machine.
    let forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
    if forwarded || request.version() < Version::HTTP_11 {
        return Err(forbidden("requests through a proxy need a token; set signaling.admin.token"));
    }
    let loopback = |text: &str| Authority::parse(text).is_some_and(|host| host.is_loopback());
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let good = host.is_some_and(loopback)
        && hosts.next().is_none()
        && client.host.as_deref().is_some_and(loopback)
        && request.uri().authority().is_none_or(|authority| loopback(authority.as_str()));
    if !good {
        return Err(forbidden(
            "without a token this API is reached as 127.0.0.1, [::1] or localhost only, because a foreign name may be \
             made to point here (DNS rebinding); use one of these, or set signaling.admin.token",
        ));
    }
    Ok(())
}

/// A form or a script of another page can send other types without asking first, but never this one.
fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        return Ok(());
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let essence =
        types.next().and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    if essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
        && types.next().is_none()
    {
        return Ok(());
    }
    let text = format!("api: {method} requests need `Content-Type: application/json`, also without a body");
    Err(ApiError::new(Kind::MediaType, text))
}

fn forbidden(text: &str) -> ApiError {
    ApiError::new(Kind::Forbidden, format!("api: {text}"))
}
