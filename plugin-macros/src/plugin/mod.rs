//! `#[plugin]`.
mod arguments;
mod check;
mod fill;
mod presence;

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, ItemImpl};

use arguments::Arguments;
use presence::Presence;

/// Expands `#[plugin(…)] impl Plugin for X { … }`.
pub fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut item: ItemImpl = match syn::parse2(item) {
        Ok(item) => item,
        Err(_) => {
            let text = "`#[plugin(…)]` belongs above an `impl Plugin for YourType`";
            return syn::Error::new(proc_macro2::Span::call_site(), text).to_compile_error();
        }
    };
    let mut errors = Vec::new();
    let arguments = Arguments::parse(arguments, &item.attrs, &mut errors);
    check::shape(&item, &mut errors);
    check::items(&item, &arguments, &mut errors);
    let errors = errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    });
    if !item.generics.params.is_empty() || item.trait_.is_none() {
        return errors.map(|e| e.to_compile_error()).unwrap_or_default();
    }
    if errors.is_some() {
        // The type stays a plugin, so that what is wrong is said once and nothing follows from it.
        item.items.retain(|item| matches!(item, ImplItem::Type(ty) if check::is_type(&ty.ident.to_string())));
    }
    let presence = Presence::of(&item);
    let filled = fill::items(&item, &presence, &arguments, errors.is_some());
    item.items.extend(filled);
    let errors = errors.map(|e| e.to_compile_error());
    let self_ty = &item.self_ty;
    let cfg: Vec<&Attribute> = item.attrs.iter().filter(|a| a.path().is_ident("cfg")).collect();
    quote! {
        #errors
        #item
        #(#cfg)*
        impl ::sfu_core::plugin::__private::WrittenByAttribute for #self_ty {}
        #(#cfg)*
        const _: () = {
            ::sfu_core::plugin::__private::inventory::submit! {
                ::sfu_core::plugin::__private::Description::of::<#self_ty>()
            }
        };
    }
}

/// An error at something.
fn error_at(at: &impl Spanned, text: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(at.span(), text)
}
