//! What `#[plugin]` adds to the impl.
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, ImplItem, ItemImpl, parse_quote};

use super::arguments::Arguments;
use super::presence::{Presence, When};
use crate::hook_table::HOOKS;

const ROWS: [(&str, &str); 7] = [
    ("Session", "session"),
    ("Router", "router"),
    ("Transport", "transport"),
    ("Producer", "producer"),
    ("Consumer", "consumer"),
    ("DataProducer", "data_producer"),
    ("DataConsumer", "data_consumer"),
];

/// The items that are missing; with `stub`, so that it merely compiles.
pub fn items(item: &ItemImpl, presence: &Presence, arguments: &Arguments, stub: bool) -> Vec<ImplItem> {
    let mut items = vec![meta(arguments), hooks(item, presence)];
    for (name, default) in [
        ("Config", quote!(::sfu_core::plugin::NoConfig)),
        ("Options", quote!(::sfu_core::plugin::NoConfig)),
        ("Request", quote!(::sfu_core::plugin::NoConfig)),
        ("Message", quote!(::sfu_core::plugin::NoMessage)),
        ("Shared", quote!(())),
        ("Note", quote!(())),
    ] {
        items.extend(missing_type(presence, name, &default));
    }
    for (row, kind) in ROWS {
        items.extend(missing_type(presence, row, &quote!(())));
        let opened = format_ident!("{kind}_opened");
        if let Some(cfg) = attached(presence, row).without(&presence.of_item(&opened.to_string())) {
            let (row_name, info) = (format_ident!("{row}"), format_ident!("{row}Info"));
            // A state without `Default` is shown where its type is written.
            let span = presence.span(row).unwrap_or_else(Span::call_site);
            let body = if stub {
                quote!(::core::unreachable!())
            } else {
                let state = quote_spanned!(span=> ::core::default::Default::default());
                quote!(::sfu_core::plugin::Attach::On(#state))
            };
            items.push(parse_quote! {
                #cfg
                fn #opened(
                    &mut self,
                    _: &::sfu_core::plugin::#info<'_>,
                    _: &Self::Options,
                    _: &mut ::sfu_core::plugin::Cx<'_>,
                ) -> ::sfu_core::plugin::Attach<Self::#row_name> {
                    #body
                }
            });
        }
    }
    items.extend(missing_makers(item, presence, stub));
    items
}

fn meta(arguments: &Arguments) -> ImplItem {
    let Arguments { id, about, after, before, requires, conflicts, off, .. } = arguments;
    let on_panic = match arguments.on_panic.as_deref() {
        Some("drop") => quote!(Drop),
        Some("close") => quote!(Close),
        _ => quote!(Forward),
    };
    let about = if about.is_empty() {
        // A crate that is one plugin says it in its Cargo.toml.
        quote!(match ::core::option_env!("CARGO_PKG_DESCRIPTION") {
            ::core::option::Option::Some(about) => about,
            ::core::option::Option::None => "",
        })
    } else {
        quote!(#about)
    };
    let tick = arguments.tick_ms.unwrap_or(1000);
    parse_quote! {
        const META: ::sfu_core::plugin::Meta = {
            let mut meta = ::sfu_core::plugin::Meta::new(#id);
            meta.version = ::core::env!("CARGO_PKG_VERSION");
            meta.about = #about;
            meta.after = &[#(#after),*];
            meta.before = &[#(#before),*];
            meta.requires = &[#(#requires),*];
            meta.conflicts = &[#(#conflicts),*];
            meta.on_panic = ::sfu_core::plugin::OnPanic::#on_panic;
            meta.off_by_default = #off;
            meta.tick = ::core::time::Duration::from_millis(#tick);
            meta.file = ::core::file!();
            meta.line = ::core::line!();
            meta.crate_name = ::core::env!("CARGO_PKG_NAME");
            meta
        };
    }
}

/// Computes `HOOKS` of what is there after `cfg`.
fn hooks(item: &ItemImpl, presence: &Presence) -> ImplItem {
    let mut added: Vec<TokenStream> = Vec::new();
    for item in &item.items {
        let ImplItem::Fn(function) = item else { continue };
        let cfg = function.attrs.iter().filter(|a| is_cfg(a));
        let hook = format_ident!("{}", function.sig.ident.to_string().to_uppercase());
        added.push(quote!(#(#cfg)* { hooks = hooks.with(::sfu_core::plugin::Hooks::#hook); }));
    }
    for (row, kind) in ROWS {
        let opened = presence.of_item(&format!("{kind}_opened"));
        if let Some(cfg) = attached(presence, row).without(&opened) {
            let hook = format_ident!("{}_OPENED", kind.to_uppercase());
            added.push(quote!(#cfg { hooks = hooks.with(::sfu_core::plugin::Hooks::#hook); }));
        }
    }
    parse_quote! {
        const HOOKS: ::sfu_core::plugin::Hooks = {
            #[allow(unused_mut)]
            let mut hooks = ::sfu_core::plugin::Hooks::NONE;
            #(#added)*
            hooks
        };
    }
}

/// When a kind of entity is of interest: a state type or a hook is there.
fn attached(presence: &Presence, row: &str) -> When {
    let hooks = HOOKS.iter().filter(|hook| hook.row == Some(row) && !hook.name.ends_with("_opened"));
    hooks.fold(presence.of_item(row), |when, hook| when.or(&presence.of_item(hook.name)))
}

fn missing_type(presence: &Presence, name: &str, default: &TokenStream) -> Option<ImplItem> {
    let cfg = presence.of_item(name).absent()?;
    let name = format_ident!("{name}");
    Some(parse_quote!(#cfg type #name = #default;))
}

/// `shared` and `new` by `Default`.
fn missing_makers(item: &ItemImpl, presence: &Presence, stub: bool) -> Vec<ImplItem> {
    let mut makers = Vec::new();
    let body = |span: Span| {
        if stub {
            return quote!(::core::unreachable!());
        }
        let made = quote_spanned!(span=> ::core::default::Default::default());
        quote!(::core::result::Result::Ok(#made))
    };
    if let Some(cfg) = presence.of_item("shared").absent() {
        let made = body(presence.span("Shared").unwrap_or_else(Span::call_site));
        makers.push(parse_quote! {
            #cfg
            fn shared(_: &Self::Config) -> ::core::result::Result<Self::Shared, ::sfu_core::plugin::Error> {
                #made
            }
        });
    }
    if let Some(cfg) = presence.of_item("new").absent() {
        let made = body(syn::spanned::Spanned::span(&item.self_ty));
        makers.push(parse_quote! {
            #cfg
            fn new(
                _: Self::Config,
                _: ::sfu_core::plugin::Start<'_, Self>,
            ) -> ::core::result::Result<Self, ::sfu_core::plugin::Error> {
                #made
            }
        });
    }
    makers
}

fn is_cfg(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}
