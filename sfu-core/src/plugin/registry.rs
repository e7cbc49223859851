//! Descriptions of all plugins that are linked, composed or not.
use serde_json::Value;

use super::hooks::Hooks;
use super::meta::Meta;
use super::plugin_trait::Plugin;

/// What is known of a plugin without running it; `#[plugin]` registers one.
#[derive(Clone, Copy)]
pub struct Description {
    /// Its own description.
    pub meta: Meta,
    /// The hooks that it overrides.
    pub hooks: Hooks,
    /// JSON schema of its configuration.
    pub config: fn() -> Value,
    /// JSON schema of its options.
    pub options: fn() -> Value,
    /// JSON schema of its requests.
    pub request: fn() -> Value,
    /// Path of its type, as it may stand in `worker!`.
    pub type_name: fn() -> &'static str,
}

inventory::collect!(Description);

impl Description {
    /// Describes a plugin.
    pub const fn of<P: Plugin>() -> Self {
        Description {
            meta: P::META,
            hooks: P::HOOKS,
            config: schema::<P::Config>,
            options: schema::<P::Options>,
            request: schema::<P::Request>,
            type_name: std::any::type_name::<P>,
        }
    }

    /// All linked plugins by id. The order of linking means nothing.
    pub fn all() -> Vec<&'static Description> {
        let mut all: Vec<&'static Description> = inventory::iter::<Description>().collect();
        all.sort_by_key(|description| description.meta.id);
        all
    }
}

fn schema<T: schemars::JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}
