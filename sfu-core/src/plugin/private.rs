//! What the macros write into other crates. Not for people.
pub use super::check::check;
pub(crate) use super::check::{fail, same};
pub use super::plugin_trait::WrittenByAttribute;
pub use super::registry::Description;
pub use {inventory, schemars, serde};
