//! All figures of one collection, from the whole to the parts.
use sfu_core::control::WorkerStats;

use crate::exposition::{Exposition, Finished};
use crate::ledger::Ledger;
use crate::settings::{Config, Detail};
use crate::{plugin_figures, router_figures, stream_figures, transport_figures, worker_figures};

/// Puts the figures together. What stands for more comes first, so that what finds no room is about the least.
pub(crate) fn report(stats: &WorkerStats, ledger: &mut Ledger, config: &Config) -> Finished {
    ledger.update(stats);
    let mut out = Exposition::new(config.max_series);
    worker_figures::add(stats, ledger, &mut out);
    plugin_figures::add(stats, &mut out);
    if config.detail >= Detail::Router {
        router_figures::add(stats, ledger, &config.labels, &mut out);
    }
    if config.detail >= Detail::Transport {
        transport_figures::add(stats, &config.labels, &mut out);
    }
    if config.detail >= Detail::Stream {
        stream_figures::add(stats, ledger, &config.labels, &mut out);
    }
    out.finish()
}
