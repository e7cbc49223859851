//! The SFU worker with every first-party plugin and signaling crate.
use std::process::ExitCode;

sfu_core::worker! {
    /// What this worker is made of. Order is the order in which packets meet plugins.
    pub plugins = [
        sfu_policy::Policy,
        sfu_audio_selector::AudioSelector,
        sfu_red::Red,
        sfu_recorder::Recorder,
        sfu_tap::Tap,
        sfu_data_router::DataRouter,
        sfu_metrics::Metrics,
        sfu_webhook::Webhook,
    ];
    pub signaling = [
        #[cfg(feature = "mediasoup")]
        sfu_mediasoup::Mediasoup,
        sfu_whip::Whip,
        sfu_admin::Admin,
    ];
}

fn main() -> ExitCode {
    sfu_core::run::<Worker>()
}
