//! What the plugins of this worker say of themselves.
use serde_json::Value;

/// One plugin.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct PluginInfo {
    /// Its id.
    pub(crate) id: String,
    /// Version of its crate.
    pub(crate) version: Option<String>,
    /// One sentence.
    pub(crate) about: Option<String>,
    /// JSON schema of its configuration.
    pub(crate) config: Option<Value>,
    /// JSON schema of the options of `enable`.
    pub(crate) options: Option<Value>,
    /// JSON schema of its requests.
    pub(crate) request: Option<Value>,
    /// Its figures, merged over media threads.
    pub(crate) stats: Option<Value>,
}

/// The plugins that are composed in, in their order. The one place that asks the plugin registry of sfu-core.
pub(crate) fn described() -> Vec<PluginInfo> {
    Vec::new()
}
