//! `worker!`.
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Token, Type, Visibility, bracketed};

/// One entry of a list, with its `cfg`.
struct Entry {
    cfg: Vec<TokenStream>,
    ty: Type,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut cfg = Vec::new();
        for attribute in input.call(Attribute::parse_outer)? {
            if attribute.path().is_ident("cfg") {
                cfg.push(attribute.meta.require_list()?.tokens.clone());
            } else if !attribute.path().is_ident("doc") {
                return Err(syn::Error::new(attribute.span(), "only `#[cfg(…)]` belongs on an entry"));
            }
        }
        Ok(Entry { cfg, ty: input.parse()? })
    }
}

/// The whole of `worker! { … }`.
struct Worker {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    name: Ident,
    plugins: Vec<Entry>,
    signaling: Vec<Entry>,
}

const SHAPE: &str = "expected `pub plugins = [ … ];` and `pub signaling = [ … ];`";

impl Parse for Worker {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut worker = Worker {
            attributes: Vec::new(),
            visibility: Visibility::Inherited,
            name: Ident::new("Worker", Span::call_site()),
            plugins: Vec::new(),
            signaling: Vec::new(),
        };
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let attributes = input.call(Attribute::parse_outer)?;
            let visibility: Visibility = input.parse()?;
            if input.peek(Token![struct]) {
                input.parse::<Token![struct]>()?;
                worker.name = input.parse()?;
                input.parse::<Token![;]>()?;
                worker.attributes.extend(attributes);
                worker.visibility = visibility;
                continue;
            }
            let list: Ident = input.parse().map_err(|error| syn::Error::new(error.span(), SHAPE))?;
            if seen.contains(&list) {
                return Err(syn::Error::new(list.span(), format!("`{list}` is listed twice")));
            }
            input.parse::<Token![=]>()?;
            let entries;
            bracketed!(entries in input);
            let entries = Punctuated::<Entry, Token![,]>::parse_terminated(&entries)?.into_iter().collect();
            if input.peek(Token![;]) || !input.is_empty() {
                input.parse::<Token![;]>()?;
            }
            if list == "plugins" {
                worker.plugins = entries;
            } else if list == "signaling" {
                worker.signaling = entries;
            } else {
                return Err(syn::Error::new(list.span(), SHAPE));
            }
            worker.attributes.extend(attributes);
            if !matches!(visibility, Visibility::Inherited) {
                worker.visibility = visibility;
            }
            seen.push(list);
        }
        Ok(worker)
    }
}

/// Expands `worker! { … }`.
pub fn expand(input: TokenStream) -> TokenStream {
    let worker: Worker = match syn::parse2(input) {
        Ok(worker) => worker,
        Err(error) => return error.to_compile_error(),
    };
    let Worker { attributes, visibility, name, plugins, signaling } = worker;
    let (plugin_links, plugin_list) = chain(
        &format!("__{name}Plugins"),
        &plugins,
        &quote!(::sfu_core::plugin::Cons),
        &quote!(::sfu_core::plugin::Nil),
    );
    let (signaling_links, signaling_list) = chain(
        &format!("__{name}Signaling"),
        &signaling,
        &quote!(::sfu_core::signaling::Chain),
        &quote!(::sfu_core::signaling::End),
    );
    let docs = if attributes.is_empty() { quote!(#[doc = "This worker."]) } else { TokenStream::new() };
    quote! {
        #docs
        #(#attributes)*
        #[derive(Debug, Clone, Copy)]
        #visibility struct #name;
        #plugin_links
        #signaling_links
        impl ::sfu_core::plugin::Composition for #name {
            const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
            const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            type Plugins = #plugin_list;
            type Signaling = #signaling_list;
            const CHECKED: () = {
                ::sfu_core::plugin::__private::check::<#plugin_list>();
                ::sfu_core::signaling::__check::<#signaling_list>();
            };
        }
        const _: () = <#name as ::sfu_core::plugin::Composition>::CHECKED;
        impl #name {
            /// Starts this worker inside a program.
            #[allow(dead_code)]
            #visibility fn builder() -> ::sfu_core::Builder<Self> {
                ::sfu_core::Builder::new()
            }
        }
    }
}

/// A chain of type aliases, so that each link can have its own `cfg`; and the name of the first link.
fn chain(prefix: &str, entries: &[Entry], cons: &TokenStream, nil: &TokenStream) -> (TokenStream, Ident) {
    let link = |i: usize| format_ident!("{prefix}{i}");
    let mut links = TokenStream::new();
    for (i, entry) in entries.iter().enumerate() {
        let (this, next, ty) = (link(i), link(i + 1), &entry.ty);
        let allow = quote!(#[doc(hidden)] #[allow(non_camel_case_types, dead_code)]);
        let cell = quote_spanned!(ty.span()=> #cons<#ty, #next>);
        let cfg = &entry.cfg;
        links.extend(if cfg.is_empty() {
            quote!(#allow type #this = #cell;)
        } else {
            quote! {
                #[cfg(all(#(#cfg),*))]
                #allow type #this = #cell;
                #[cfg(not(all(#(#cfg),*)))]
                #allow type #this = #next;
            }
        });
    }
    let last = link(entries.len());
    links.extend(quote!(#[doc(hidden)] #[allow(non_camel_case_types, dead_code)] type #last = #nil;));
    (links, link(0))
}
