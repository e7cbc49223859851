//! What the plugins of this worker say of themselves.
use serde_json::Value;
use sfu_core::control::{PluginCost, PluginFaults, PluginSwitch};
use sfu_core::plugin::Description;

/// One plugin that is linked into this worker.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PluginInfo {
    /// Its id.
    pub(crate) id: String,
    /// Its crate and the version of it.
    pub(crate) version: String,
    /// One sentence.
    pub(crate) about: String,
    /// Only on where configuration or a request says so.
    pub(crate) off_by_default: bool,
    /// JSON schema of its configuration.
    pub(crate) config: Value,
    /// JSON schema of the options of `enable`.
    pub(crate) options: Value,
    /// JSON schema of its requests.
    pub(crate) request: Value,
    /// Its figures, merged over media threads; none if it has none, or is linked but not composed in.
    pub(crate) stats: Option<Value>,
    /// What went wrong with it and what was done about it, over all media threads; none if it is not composed in.
    pub(crate) faults: Option<PluginFaults>,
    /// What its hooks on packets and messages cost, over all media threads; none if it is not composed in.
    pub(crate) cost: Option<PluginCost>,
    /// Where it is switched on; none if it is not composed in.
    pub(crate) switch: Option<PluginSwitch>,
}

/// All linked plugins by id. The one place that asks the plugin registry of sfu-core.
pub(crate) fn described() -> Vec<PluginInfo> {
    let info = |description: &Description| PluginInfo {
        id: description.meta.id.into(),
        version: format!("{} {}", description.meta.crate_name, description.meta.version),
        about: description.meta.about.into(),
        off_by_default: description.meta.off_by_default,
        config: (description.config)(),
        options: (description.options)(),
        request: (description.request)(),
        stats: None,
        faults: None,
        cost: None,
        switch: None,
    };
    Description::all().into_iter().map(info).collect()
}
