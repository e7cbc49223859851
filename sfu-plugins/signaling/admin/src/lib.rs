//! The admin API: streams and their peers, plain RTP in and out, figures, plugins and events, as JSON below `/api`.
//!
//! It is a signaling crate like any other: it drives [`ControlHandle`] and nothing else. See `README.md` for the
//! endpoints and for what a request must bring to be let in.
mod api;
mod authority;
mod body;
mod byte_range;
mod catalog;
mod cidr;
mod codec;
mod config;
mod configuration;
mod drain;
mod error;
mod events;
mod guard;
mod metrics;
mod openapi;
mod plugins;
mod recordings;
mod route;
mod routers;
mod routes;
mod rtp_in;
mod rtp_out;
mod rtp_out_plan;
mod sdp;
mod sessions;
mod settings;
mod stats;
mod stream_name;
mod streams;
mod target;
mod token;
mod transports;

use std::sync::Arc;

use sfu_core::control::ControlHandle;
use sfu_core::signaling::{Mounts, Shutdown, Signaling, SignalingError};

use api::Api;
pub use config::{Config, Secret};
use settings::Settings;

/// Where the API is served.
pub const PATH: &str = "/api";
/// Where programs that collect figures look first; the same as `/api/metrics`.
pub const METRICS_PATH: &str = "/metrics";

/// The admin API.
pub struct Admin {
    settings: Arc<Settings>,
}

impl Admin {
    /// The routes without their prefix, guarded as always: for a program that embeds a worker and mounts them itself.
    ///
    /// Each request must carry a [`sfu_core::http::Client`] as an extension; without one it is refused.
    pub fn router(self, control: ControlHandle, stop: Shutdown) -> axum::Router {
        routes::router(Api::new(self.settings, control, stop))
    }
}

impl Signaling for Admin {
    const ID: &'static str = "admin";
    const ABOUT: &'static str =
        "JSON API to watch and steer a worker: streams, plain RTP, figures, plugins, events";
    type Config = Config;

    fn new(config: Config) -> Result<Self, SignalingError> {
        let settings = Settings::new(config).map_err(refuse)?;
        Ok(Admin { settings: Arc::new(settings) })
    }

    async fn run(self, control: ControlHandle, http: Mounts, stop: Shutdown) -> Result<(), SignalingError> {
        let listen = http.url().unwrap_or_else(|| "the address of the HTTP server".into());
        self.settings.check_exposure(http.is_loopback(), &listen).map_err(refuse)?;
        let events = control.events();
        let api = Api::new(self.settings, control, stop.clone());
        http.mount(PATH, routes::router(api.clone())).map_err(|error| refuse(error.to_string()))?;
        if metrics::is_linked() {
            http.mount(METRICS_PATH, routes::metrics_router(api.clone()))
                .map_err(|error| refuse(error.to_string()))?;
        }
        routers::follow(&api, events, stop).await;
        Ok(())
    }
}

fn refuse(text: String) -> SignalingError {
    SignalingError { id: Admin::ID, text }
}
