//! The table of all routes, and the router made of it.
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::routing::{delete, get, post, put};

use sfu_core::control::Reloaded;

use crate::api::Api;
use crate::body::MAX_BODY;
use crate::error::{ApiError, Kind};
use crate::route::Route;
use crate::{
    configuration, drain, events, guard, metrics, openapi, plugins, recordings, rtp_in, rtp_out, sessions,
    stats, streams, transports,
};

/// Every route there is.
pub(crate) fn table() -> Vec<Route> {
    let (read, remove, post_, put_) = (Method::GET, Method::DELETE, Method::POST, Method::PUT);
    vec![
        Route::new(read.clone(), "/streams", "listStreams", "Live streams and their peers.", get(streams::list))
            .answers::<streams::StreamList>(),
        Route::new(read.clone(), "/streams/{name}", "getStream", "One stream and its peers.", get(streams::one))
            .answers::<streams::Stream>(),
        Route::new(
            remove.clone(),
            "/streams/{name}",
            "closeStream",
            "Closes a stream: the sessions and transports of its publishers and viewers, and its router.",
            delete(streams::close),
        )
        .answers::<streams::Closed>(),
        Route::new(
            post_.clone(),
            "/streams/{name}/rtp-in",
            "rtpIn",
            "Receives plain RTP and makes it a publisher of the stream.",
            post(rtp_in::start),
        )
        .takes::<rtp_in::RtpIn>()
        .creates::<rtp_in::RtpInStarted>(),
        Route::new(
            post_.clone(),
            "/streams/{name}/rtp-out",
            "rtpOut",
            "Sends the stream's media as plain RTP.",
            post(rtp_out::start),
        )
        .takes::<rtp_out::RtpOut>()
        .creates::<rtp_out::RtpOutStarted>(),
        Route::new(
            remove,
            "/transports/{id}",
            "closeTransport",
            "Closes a transport and what it carries.",
            delete(transports::close),
        ),
        Route::new(read.clone(), "/sessions", "listSessions", "Sessions that have a transport.", get(sessions::list))
            .answers::<sessions::SessionList>(),
        Route::new(
            post_.clone(),
            "/sessions/{id}/kick",
            "kickSession",
            "Closes a session and its transports.",
            post(sessions::kick),
        ),
        Route::new(read.clone(), "/stats", "getStats", "Figures of a target and what is below it.", get(stats::stats))
            .asks("target", "`worker` (the default), or a kind and an id: `producer:0.17.1`")
            .answers::<stats::Stats>(),
        Route::new(
            read.clone(),
            "/metrics",
            "getMetrics",
            "Figures as text for Prometheus, written by the plugin `metrics`; OpenMetrics for who accepts it. Also at \
             `/metrics`.",
            get(metrics::text),
        )
        .answers_as::<metrics::Text>(StatusCode::OK, "text/plain"),
        Route::new(read.clone(), "/workers", "listWorkers", "The media threads and their load.", get(stats::workers))
            .answers::<stats::WorkerList>(),
        Route::new(read.clone(), "/plugins", "listPlugins", "The plugins of this worker.", get(plugins::list))
            .answers::<plugins::PluginList>(),
        Route::new(
            post_.clone(),
            "/plugins/{id}",
            "askPlugin",
            "Asks a plugin; the answer is the plugin's own. Without a target every media thread answers into one array, \
             unless the plugin answers once for all.",
            post(plugins::ask),
        )
        .takes::<plugins::Ask>()
        .answers::<serde_json::Value>(),
        Route::new(
            post_.clone(),
            "/plugins/{id}/enable",
            "enablePlugin",
            "Switches a plugin on for a target and all below it.",
            post(plugins::enable),
        )
        .takes::<plugins::Enable>(),
        Route::new(
            post_.clone(),
            "/plugins/{id}/disable",
            "disablePlugin",
            "Switches a plugin off for a target and all below it.",
            post(plugins::disable),
        )
        .takes::<plugins::Disable>(),
        Route::new(
            put_.clone(),
            "/plugins/{id}/config",
            "configurePlugin",
            "Gives a plugin a new configuration: its table, as in the file. All media threads take it, or none.",
            put(plugins::configure),
        )
        .takes::<serde_json::Value>(),
        Route::new(
            read.clone(),
            "/recordings",
            "listRecordings",
            "The recordings in the folder of the plugin `recorder`, newest first.",
            get(recordings::list),
        )
        .asks("limit", "files at the most; 100 if not given, 1000 is the most")
        .answers::<serde_json::Map<String, serde_json::Value>>(),
        Route::new(
            read.clone(),
            "/recordings/{file}",
            "getRecording",
            "Downloads a recording; `Range` (one) and `If-Range` are understood.",
            get(recordings::download),
        )
        .answers_as::<recordings::Recording>(StatusCode::OK, "application/octet-stream"),
        Route::new(
            put_,
            "/config",
            "reload",
            "Takes over a whole configuration, as JSON in the form of the file; `null` reads the file again. All of it, or \
             nothing; what is not about plugins can't change while the worker runs.",
            put(configuration::reload),
        )
        .takes::<configuration::Whole>()
        .answers::<Reloaded>(),
        Route::new(
            post_,
            "/drain",
            "drain",
            "Takes no new sessions, leaves address and ports to another worker, and ends the program when the last peer has gone.",
            post(drain::drain),
        ),
        Route::new(
            read.clone(),
            "/events",
            "followEvents",
            "Events of the worker from now on, as Server-Sent Events; an event named `missed` says how many a slow \
             reader missed.",
            get(events::follow),
        )
        .asks("filter", "`plugin` (events of all plugins), `plugin:<id>`, or `target:<kind>:<id>`")
        .answers_as::<events::EventShape>(StatusCode::OK, "text/event-stream"),
        Route::new(read, "/openapi.json", "getDescription", "This description.", get(openapi::document))
            .answers::<serde_json::Map<String, serde_json::Value>>(),
    ]
}

/// All routes, guarded.
pub(crate) fn router(api: Api) -> Router {
    let mut router = Router::new();
    for route in table() {
        router = router.route(route.path, route.serve);
    }
    guarded(router, api)
}

/// The figures alone, guarded likewise.
pub(crate) fn metrics_router(api: Api) -> Router {
    guarded(Router::new().route("/", get(metrics::text)), api)
}

fn guarded(router: Router<Api>, api: Api) -> Router {
    router
        .fallback(async || ApiError::not_found("api: there is no such path; see /api/openapi.json"))
        .method_not_allowed_fallback(async || {
            let text = "api: this path knows other methods; see /api/openapi.json";
            ApiError::new(Kind::MethodNotAllowed, text)
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // The outermost layer: nothing is answered that it has not seen.
        .layer(axum::middleware::from_fn_with_state(api.clone(), guard::guard))
        .with_state(api)
}
