//! The HTTP surface: `/whip`, `/whep`, `/sessions`, `/streams` and the page at `/`.
mod body;
mod cors;
mod endpoint;
mod listing;
mod page;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::middleware::from_fn_with_state;
use axum::routing::any;

use crate::hub::Hub;
use crate::problem::Problem;

/// The routers and where each is mounted.
pub(crate) fn routers(hub: &Arc<Hub>) -> Vec<(&'static str, Router)> {
    let open_to_origins = |router: Router<Arc<Hub>>| {
        router
            .fallback(nothing_here)
            .layer(from_fn_with_state(hub.clone(), cors::allow))
            .with_state(hub.clone())
    };
    vec![
        ("/whip", open_to_origins(Router::new().route("/{*stream}", any(endpoint::whip)))),
        ("/whep", open_to_origins(Router::new().route("/{*stream}", any(endpoint::whep)))),
        (
            "/sessions",
            open_to_origins(
                Router::new().route("/{id}", any(session::session)).route("/{id}/stats", any(session::stats)),
            ),
        ),
        (
            "/streams",
            open_to_origins(
                Router::new().route("/", any(listing::list)).route("/events", any(listing::events)),
            ),
        ),
        ("/", Router::new().fallback(page::serve)),
    ]
}

async fn nothing_here() -> Problem {
    Problem::not_found("whip: there is nothing here")
}

fn authorization(request: &Request) -> Option<&[u8]> {
    request.headers().get(AUTHORIZATION).map(|value| value.as_bytes())
}
