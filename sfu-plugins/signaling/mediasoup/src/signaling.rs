//! The signaling crate as a worker runs it.
use sfu_core::control::ControlHandle;
use sfu_core::signaling::{EarlyExit, Invocation, Mounts, Shutdown, Signaling, SignalingError, Takeover};

use crate::schema::ProtocolVersion;
use crate::takeover::{self, Driven};
use crate::{door, v3_27};

/// The Node library of mediasoup, which starts this program as its worker.
pub struct Mediasoup;

/// Nothing to configure: the library says everything.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

impl Signaling for Mediasoup {
    const ID: &'static str = "mediasoup";
    const ABOUT: &'static str = "the Node library of mediasoup, by MEDIASOUP_WORKER_BIN";
    type Config = Config;

    fn take_over(invocation: &Invocation) -> Option<Result<Takeover, EarlyExit>> {
        takeover::take_over(invocation)
    }

    fn new(_: Config) -> Result<Self, SignalingError> {
        Ok(Mediasoup)
    }

    async fn run(self, control: ControlHandle, _: Mounts, stop: Shutdown) -> Result<(), SignalingError> {
        let Some(driven) = takeover::driven() else { return Ok(()) };
        // The rest of the worker runs before the library hears that it does.
        tokio::task::yield_now().await;
        let Driven { version, note, settings, channel, log, switch, end } = driven;
        if let Some(note) = note {
            tracing::warn!("{note}");
        }
        let fail = |text: String| SignalingError { id: Self::ID, text };
        let feed = control.follow().ok_or_else(|| fail("somebody else follows this worker".to_owned()))?;
        let served = match version {
            ProtocolVersion::V3_27 => {
                // Here, where plugins are to answer.
                let desk = v3_27::Desk::new(v3_27::Library::Node, control, switch, &settings);
                door::on_own_thread(async move || {
                    door::run(desk, door::Streams::new(channel)?, feed, log, stop).await;
                    Ok(())
                })
                .await
            }
        };
        served.map_err(|error| fail(format!("the channel: {error}")))?;
        let _ = end.send(());
        Ok(())
    }
}
