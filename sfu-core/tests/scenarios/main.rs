//! What a worker promises, seen by its peers: each module one behaviour, with one media thread and with two where it matters.
mod closing;
mod commands;
mod containment;
mod costs;
mod data;
mod data_elsewhere;
mod demux;
mod direct;
mod drops;
mod enabling;
mod hooks;
mod ice;
mod layers;
mod loss;
mod observers;
mod ordering;
mod overload;
mod pacing;
mod panics;
mod parity;
mod pipes;
mod ports;
mod private_copies;
mod reconfiguring;
mod relay;
mod reports;
mod rewriting;
mod rtcp_port;
mod scores;
mod security;
mod servers;
mod spreading;
mod traces;
mod traffic;

use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Keeps panics that are meant off the output.
fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some("meant") {
                loud(info);
            }
        }));
    });
}
