//! The SFU worker with every first-party plugin and signaling crate.
use std::process::ExitCode;

#[cfg(test)]
mod tests;

sfu_core::worker! {
    /// What this worker is made of. Order is the order in which packets meet plugins.
    pub plugins = [
        #[cfg(feature = "policy")]
        sfu_policy::Policy,
        #[cfg(feature = "audio-selector")]
        sfu_audio_selector::AudioSelector,
        #[cfg(feature = "red")]
        sfu_red::Red,
        #[cfg(feature = "recorder")]
        sfu_recorder::Recorder,
        #[cfg(feature = "tap")]
        sfu_tap::Tap,
        #[cfg(feature = "data-router")]
        sfu_data_router::DataRouter,
        #[cfg(feature = "metrics")]
        sfu_metrics::Metrics,
        #[cfg(feature = "webhook")]
        sfu_webhook::Webhook,
    ];
    pub signaling = [
        #[cfg(feature = "mediasoup")]
        sfu_mediasoup::Mediasoup,
        #[cfg(feature = "whip")]
        sfu_whip::Whip,
        #[cfg(feature = "admin")]
        sfu_admin::Admin,
    ];
}

fn main() -> ExitCode {
    sfu_core::run::<Worker>()
}
