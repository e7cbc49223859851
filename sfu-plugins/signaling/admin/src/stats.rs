//! Figures.
use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use sfu_core::control::{
    Command, OverloadStats, PluginCost, PluginFaults, PluginSwitch, Reply, Target, WorkerStats,
};

use crate::api::Api;
use crate::body::Asked;
use crate::error::{ApiError, Kind};
use crate::target::TargetText;

/// The query of `GET /stats`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatsQuery {
    target: Option<String>,
}

/// The shape of figures for the description: that of `sfu_core::control::WorkerStats`.
#[derive(Debug, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "stands for a type of sfu-core that has no schema")]
pub(crate) struct Stats {
    /// Transports: id, router, session, labels, states, tuple, bytes, packets, bitrates, round trip, refusals.
    transports: Vec<Map<String, Value>>,
    /// Producers: id, transport, kind, labels, paused, and the figures of each encoding.
    producers: Vec<Map<String, Value>>,
    /// Consumers: id, producer, transport, kind, labels, paused, and the figures of the outgoing stream.
    consumers: Vec<Map<String, Value>>,
    /// Data producers: id, transport, labels, label and sub-protocol of the data channel, messages, bytes.
    data_producers: Vec<Map<String, Value>>,
    /// Data consumers: the same of what is sent, and what waits.
    data_consumers: Vec<Map<String, Value>>,
    /// Plugins' own figures by plugin id.
    plugins: BTreeMap<String, Value>,
    /// What went wrong with plugins and what was done about it, by plugin id; for the whole worker only.
    plugin_faults: BTreeMap<String, PluginFaults>,
    /// What the hooks on packets and messages of plugins cost, by plugin id; for the whole worker only.
    plugin_costs: BTreeMap<String, PluginCost>,
    /// Where plugins are switched on, by plugin id; for the whole worker only.
    plugin_switches: BTreeMap<String, PluginSwitch>,
    /// Counters of the media threads.
    counters: BTreeMap<String, u64>,
    /// The same of each media thread by its number; for the whole worker only.
    counters_by_worker: BTreeMap<u8, BTreeMap<String, u64>>,
    /// How each media thread bears its load, by its number; for the whole worker only.
    overload: BTreeMap<u8, OverloadStats>,
}

/// The media threads.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct WorkerList {
    workers: Vec<Worker>,
}

/// One media thread: the first number of the ids of what it owns.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Worker {
    id: u8,
    transports: usize,
    producers: usize,
    consumers: usize,
    /// Bit/s over the last second, all transports.
    receive_bitrate: u64,
    /// Bit/s over the last second, all transports.
    send_bitrate: u64,
    counters: BTreeMap<String, u64>,
}

/// `GET /stats`.
pub(crate) async fn stats(
    State(api): State<Api>,
    Asked(query): Asked<StatsQuery>,
) -> Result<Json<WorkerStats>, ApiError> {
    let target = query.target.as_deref().unwrap_or("worker");
    let TargetText(target) = target.parse().map_err(ApiError::invalid)?;
    Ok(Json(api.control.stats(target).await?))
}

/// `GET /workers`.
pub(crate) async fn workers(State(api): State<Api>) -> Result<Json<WorkerList>, ApiError> {
    let mut workers = Vec::new();
    for id in 0..api.control.workers() {
        let stats = match api.control.command_on(id, Command::Stats(Target::Worker)).await? {
            Reply::Stats(stats) => stats,
            other => {
                return Err(ApiError::new(
                    Kind::Internal,
                    format!("api.workers: unexpected reply {other:?}"),
                ));
            }
        };
        workers.push(Worker {
            id,
            transports: stats.transports.len(),
            producers: stats.producers.len(),
            consumers: stats.consumers.len(),
            receive_bitrate: stats
                .transports
                .iter()
                .map(|transport| u64::from(transport.receive_bitrate))
                .sum(),
            send_bitrate: stats.transports.iter().map(|transport| u64::from(transport.send_bitrate)).sum(),
            counters: stats.counters,
        });
    }
    Ok(Json(WorkerList { workers }))
}
