//! Plugins: what there is, requests, on and off, configuration.
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use sfu_core::control::{Command, Target};

use crate::api::{Api, to_the_end};
use crate::body::{Body, Id};
use crate::catalog::{self, PluginInfo};
use crate::error::ApiError;
use crate::target::TargetText;

/// A plugin's id: lower-case letters, digits, `-` and `_`.
pub(crate) struct PluginId(String);

impl std::str::FromStr for PluginId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<PluginId, &'static str> {
        let good =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(good) {
            return Ok(PluginId(text.into()));
        }
        Err("api.plugins: an id has 1 to 64 lower-case letters, digits, `-` and `_`")
    }
}

impl PluginId {
    /// The id.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The plugins of this worker.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct PluginList {
    plugins: Vec<PluginInfo>,
}

/// A request to a plugin.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// What it is about; the whole worker by default.
    #[serde(default)]
    target: TargetText,
    /// The plugin's own request, usually `{"method": …}`.
    request: Value,
}

/// Where to switch a plugin on.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enable {
    /// The whole worker by default.
    #[serde(default)]
    target: TargetText,
    /// The plugin's own options.
    #[serde(default = "no_options")]
    options: Value,
}

/// Where to switch a plugin off.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Disable {
    /// The whole worker by default.
    #[serde(default)]
    target: TargetText,
}

fn no_options() -> Value {
    Value::Object(Map::new())
}

/// `GET /plugins`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<PluginList>, ApiError> {
    let mut plugins = catalog::described();
    let stats = api.control.stats(Target::Worker).await?;
    for (id, figures) in stats.plugins {
        match plugins.iter_mut().find(|plugin| plugin.id == id) {
            Some(plugin) => plugin.stats = Some(figures),
            None => plugins.push(PluginInfo { id, stats: Some(figures), ..PluginInfo::default() }),
        }
    }
    for (id, faults) in stats.plugin_faults {
        if let Some(plugin) = plugins.iter_mut().find(|plugin| plugin.id == id) {
            plugin.faults = Some(faults);
        }
    }
    for (id, cost) in stats.plugin_costs {
        if let Some(plugin) = plugins.iter_mut().find(|plugin| plugin.id == id) {
            plugin.cost = Some(cost);
        }
    }
    for (id, switch) in stats.plugin_switches {
        if let Some(plugin) = plugins.iter_mut().find(|plugin| plugin.id == id) {
            plugin.switch = Some(switch);
        }
    }
    Ok(Json(PluginList { plugins }))
}

/// `POST /plugins/{id}`.
pub(crate) async fn ask(
    State(api): State<Api>,
    Id(PluginId(id)): Id<PluginId>,
    Body(asked): Body<Ask>,
) -> Result<Json<Value>, ApiError> {
    to_the_end(async move { Ok(Json(api.control.plugin_request(id, asked.target.0, asked.request).await?)) })
        .await
}

/// `POST /plugins/{id}/enable`.
pub(crate) async fn enable(
    State(api): State<Api>,
    Id(PluginId(plugin)): Id<PluginId>,
    Body(asked): Body<Enable>,
) -> Result<StatusCode, ApiError> {
    run(api, Command::EnablePlugin { plugin, target: asked.target.0, options: asked.options }).await
}

/// `POST /plugins/{id}/disable`.
pub(crate) async fn disable(
    State(api): State<Api>,
    Id(PluginId(plugin)): Id<PluginId>,
    Body(asked): Body<Disable>,
) -> Result<StatusCode, ApiError> {
    run(api, Command::DisablePlugin { plugin, target: asked.target.0 }).await
}

/// `PUT /plugins/{id}/config`.
pub(crate) async fn configure(
    State(api): State<Api>,
    Id(PluginId(plugin)): Id<PluginId>,
    Body(config): Body<Value>,
) -> Result<StatusCode, ApiError> {
    run(api, Command::ReconfigurePlugin { plugin, config }).await
}

/// Switching reaches all media threads or, if one refuses, those before it: never only because a client hung up.
async fn run(api: Api, command: Command) -> Result<StatusCode, ApiError> {
    to_the_end(async move {
        api.control.run(command).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
