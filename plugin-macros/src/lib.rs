//! Macros of sfukit: `#[plugin]`, `#[config]`, `#[request]` and `worker!`. Use them through `sfu-core`.
mod data_type;
mod hook_table;
mod plugin;
mod worker;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an `impl Plugin for X` complete: works out which hooks are overridden, fills in the types that are left out,
/// describes the plugin, and registers its description.
///
/// `#[plugin(id = "recorder", after("decrypt"), before("mixer"), requires("clock"), conflicts("other"), off,
/// on_panic = "forward" | "drop" | "close", about = "…", tick_ms = 1000)]`: only `id` is always needed. `on_panic` must
/// be written when `rtp_out` or `data_in` is overridden. Without `about`, the first line of the impl's doc comment is taken,
/// without that, the description of the package.
///
/// For a kind of entity with a state type or a hook, but without `*_opened`, the plugin is on wherever its settings say
/// so, with `Default` state. Without `new` it is `Self::default()`, without `shared` it is `Shared::default()`.
#[proc_macro_attribute]
pub fn plugin(arguments: TokenStream, item: TokenStream) -> TokenStream {
    plugin::expand(arguments.into(), item.into()).into()
}

/// Makes a struct or enum readable as configuration or options of a plugin: `Deserialize`, `Serialize` and `JsonSchema`
/// through sfu-core's own serde and schemars.
///
/// Unknown fields of a struct are refused, and missing ones come from its `Default`. Variants of an enum are
/// `snake_case`.
#[proc_macro_attribute]
pub fn config(_: TokenStream, item: TokenStream) -> TokenStream {
    data_type::config(item.into()).into()
}

/// Makes an enum readable as the requests of a plugin: the field `method` chooses the variant, in `snake_case`; unknown
/// fields are refused.
#[proc_macro_attribute]
pub fn request(_: TokenStream, item: TokenStream) -> TokenStream {
    data_type::request(item.into()).into()
}

/// Lists what a worker is made of, and makes the type `Worker` of it.
///
/// ```ignore
/// sfu_core::worker! {
///     /// What this worker is made of. Order is the order packets meet plugins in.
///     pub plugins = [ #[cfg(feature = "recorder")] sfu_recorder::Recorder, my_plugin::Mine ];
///     pub signaling = [ #[cfg(feature = "whip")] sfu_whip::Whip ];
/// }
/// ```
///
/// Packets that come in meet the first plugin first, packets that leave meet it last. Duplicates, violated
/// `after`/`before`, missing `requires` and met `conflicts` are compile errors. `pub struct Name;` before the lists gives
/// the type another name.
#[proc_macro]
pub fn worker(input: TokenStream) -> TokenStream {
    worker::expand(input.into()).into()
}

/// The names of all hooks, for the test that compares them with `sfu_core::plugin::Hooks`.
#[doc(hidden)]
#[proc_macro]
pub fn __hook_names(_: TokenStream) -> TokenStream {
    let names = hook_table::HOOKS.iter().map(|hook| hook.name);
    quote!([#(#names),*]).into()
}
