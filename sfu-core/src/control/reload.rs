//! A new configuration for the whole worker.
use std::pin::Pin;

use serde_json::Value;

use super::{ControlError, ControlHandle};

/// What reading the configuration again changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Reloaded {
    /// Ids of the plugins of which it says something else than before, in their order.
    pub plugins: Vec<String>,
}

/// What comes of a reload.
pub(crate) type Reloading = Pin<Box<dyn Future<Output = Result<Reloaded, ControlError>> + Send>>;

/// Takes over a new configuration, all of it or nothing.
pub(crate) trait TakeConfig: Send + Sync {
    /// The configuration as JSON in the form of the file, or `None` to read again where it came from.
    fn take(&self, control: ControlHandle, config: Option<Value>) -> Reloading;
}
