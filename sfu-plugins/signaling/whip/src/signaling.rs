//! The signaling crate as a worker runs it.
use std::time::Duration;

use sfu_core::control::ControlHandle;
use sfu_core::signaling::{Mounts, Shutdown, Signaling, SignalingError};

use crate::config::Config;
use crate::hub::Hub;
use crate::tokens::Tokens;
use crate::{events, exposure, http};

/// How long peers may take to be told at the end; the worker waits a little longer for us.
const FAREWELL: Duration = Duration::from_millis(700);

/// WHIP, WHEP and the page.
pub struct Whip {
    config: Config,
    tokens: Tokens,
}

impl Signaling for Whip {
    const ID: &'static str = "whip";
    const ABOUT: &'static str = "WHIP and WHEP on HTTP, with a page to publish and to watch";
    type Config = Config;

    fn new(config: Config) -> Result<Self, SignalingError> {
        let wrong = |text| SignalingError { id: Self::ID, text };
        config.check().map_err(wrong)?;
        let tokens = Tokens::new(&config).map_err(wrong)?;
        Ok(Whip { config, tokens })
    }

    async fn run(
        self,
        control: ControlHandle,
        mounts: Mounts,
        mut stop: Shutdown,
    ) -> Result<(), SignalingError> {
        if let Some(url) = mounts.url() {
            exposure::check(mounts.is_loopback(), &url, &self.config)?;
        }
        let told = control.events();
        let (hub, asked) = Hub::new(self.config, self.tokens, control, stop.clone());
        for (path, router) in http::routers(&hub) {
            mounts
                .mount(path, router)
                .map_err(|error| SignalingError { id: Self::ID, text: error.to_string() })?;
        }
        tokio::select! {
            () = events::follow(&hub, told, asked) => {}
            () = hub.keep_time() => {}
            () = stop.wait() => {}
        }
        // The core says goodbye (DTLS close_notify) for each session that is closed.
        if tokio::time::timeout(FAREWELL, hub.shut_down()).await.is_err() {
            tracing::warn!("whip: not all peers could be told in time");
        }
        Ok(())
    }
}
