//! `#[config]` and `#[request]`.
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

fn derives() -> TokenStream {
    quote! {
        #[derive(
            ::sfu_core::plugin::__private::serde::Serialize,
            ::sfu_core::plugin::__private::serde::Deserialize,
            ::sfu_core::plugin::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "::sfu_core::plugin::__private::serde")]
        #[schemars(crate = "::sfu_core::plugin::__private::schemars")]
    }
}

/// A struct or enum of configuration or options.
pub fn config(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let derives = derives();
    let shape = match &input.data {
        Data::Enum(_) => quote!(#[serde(rename_all = "snake_case")]),
        _ => quote!(#[serde(default, deny_unknown_fields)]),
    };
    quote!(#derives #shape #input)
}

/// An enum of requests.
pub fn request(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let derives = derives();
    let shape = match &input.data {
        Data::Enum(_) => quote!(#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]),
        _ => quote!(#[serde(deny_unknown_fields)]),
    };
    quote!(#derives #shape #input)
}
