//! The engine and the plugin API of sfukit.
#![deny(unsafe_code)]

// The macros write `::sfu_core::…`, also in this crate's own tests.
extern crate self as sfu_core;

pub mod control;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz_support;
pub mod http;
pub mod media;
mod net;
pub mod plugin;
mod rtcp;
mod rtp;
mod shell;
pub mod signaling;
pub mod testing;
mod transport;
pub mod worker;

pub use sfu_plugin_macros::{plugin, worker};
pub use worker::{Builder, Running, WorkerConfig, WorkerError, run};
// A plugin's only dependency is this crate: it finds here what its types, requests, figures and logs need. With
// `#[serde(crate = "sfu_core::serde")]` and `#[schemars(crate = "sfu_core::schemars")]` derives find theirs.
pub use {schemars, serde, serde_json, tracing};

/// The examples of the guide are compiled and run.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/src/introduction.md")]
    mod introduction {}
    #[doc = include_str!("../../docs/src/hooks.md")]
    mod hooks {}
    #[doc = include_str!("../../docs/src/state.md")]
    mod state {}
    #[doc = include_str!("../../docs/src/requests.md")]
    mod requests {}
    #[doc = include_str!("../../docs/src/slow-work.md")]
    mod slow_work {}
    #[doc = include_str!("../../docs/src/injecting.md")]
    mod injecting {}
    #[doc = include_str!("../../docs/src/control.md")]
    mod control {}
    #[doc = include_str!("../../docs/src/media.md")]
    mod media {}
    #[doc = include_str!("../../docs/src/testing.md")]
    mod testing {}
    #[doc = include_str!("../../docs/src/threads.md")]
    mod threads {}
    #[doc = include_str!("../../docs/src/failure.md")]
    mod failure {}
    #[doc = include_str!("../../docs/src/debugging.md")]
    mod debugging {}
}
