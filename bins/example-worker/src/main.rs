//! An SFU worker, built with sfukit.
mod my_plugin;

use std::process::ExitCode;

sfu_core::worker! {
    /// What this worker is made of. Order is the order in which packets meet plugins.
    pub plugins = [
        #[cfg(feature = "recorder")]
        sfu_recorder::Recorder,
        my_plugin::MyPlugin,
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
