//! Macros of sfukit: `#[plugin]`, `#[config]`, `#[request]` and `worker!`. Use them through `sfu-core`.
mod hook_table;

use proc_macro::TokenStream;
use quote::quote;

/// The names of all hooks, for the test that compares them with `sfu_core::plugin::Hooks`.
#[doc(hidden)]
#[proc_macro]
pub fn __hook_names(_: TokenStream) -> TokenStream {
    let names = hook_table::HOOKS.iter().map(|hook| hook.name);
    quote!([#(#names),*]).into()
}

/// A.
#[proc_macro_attribute]
pub fn plugin(_: TokenStream, b: TokenStream) -> TokenStream {
    b
}
/// A.
#[proc_macro_attribute]
pub fn config(_: TokenStream, b: TokenStream) -> TokenStream {
    b
}
/// A.
#[proc_macro_attribute]
pub fn request(_: TokenStream, b: TokenStream) -> TokenStream {
    b
}
