//! What stands for the types that a plugin leaves out.

/// Configuration, options or requests of a plugin that has none; any field is refused.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Messages of a plugin that has none: there is no value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMessage {}
