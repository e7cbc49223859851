//! What a worker is made of, as one type.
use super::compose::PluginSet;
use crate::signaling::SignalingSet;

/// What a worker is made of; `worker!` implements it for the type `Worker`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a worker",
    note = "`sfu_core::worker! {{ pub plugins = […]; pub signaling = […]; }}` makes the type `Worker`"
)]
pub trait Composition: 'static {
    /// Name of the program: that of its package.
    const NAME: &'static str;
    /// Version of its package.
    const VERSION: &'static str;
    /// Its plugins, in the order in which packets meet them.
    type Plugins: PluginSet;
    /// Its signaling crates.
    type Signaling: SignalingSet;
    /// Checks order and completeness of the list at compile time.
    #[doc(hidden)]
    const CHECKED: ();
}
