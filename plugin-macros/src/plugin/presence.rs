//! Which items an impl has, and under which `cfg`.
use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, ItemImpl};

/// Under which conditions something is there.
#[derive(Default, Clone)]
pub struct When {
    /// In any case.
    always: bool,
    /// Under these conditions, one of them.
    conditions: Vec<TokenStream>,
}

impl When {
    /// Whether it may be there.
    pub fn is_possible(&self) -> bool {
        self.always || !self.conditions.is_empty()
    }

    /// There if either is.
    pub fn or(mut self, other: &When) -> When {
        self.always |= other.always;
        self.conditions.extend(other.conditions.iter().cloned());
        self
    }

    fn predicate(&self) -> TokenStream {
        let conditions = &self.conditions;
        if self.always { quote!(all()) } else { quote!(any(#(#conditions),*)) }
    }

    /// The attribute for what replaces it; `None`: it is always there.
    pub fn absent(&self) -> Option<TokenStream> {
        if self.always {
            return None;
        }
        Some(if self.conditions.is_empty() {
            TokenStream::new()
        } else {
            let predicate = self.predicate();
            quote!(#[cfg(not(#predicate))])
        })
    }

    /// The attribute for what is there if this is and `other` isn't; `None`: never.
    pub fn without(&self, other: &When) -> Option<TokenStream> {
        if !self.is_possible() || other.always {
            return None;
        }
        if self.always && other.conditions.is_empty() {
            return Some(TokenStream::new());
        }
        let (here, there) = (self.predicate(), other.predicate());
        Some(quote!(#[cfg(all(#here, not(#there)))]))
    }
}

/// The items of an impl by name.
pub struct Presence(HashMap<String, (When, Span)>);

impl Presence {
    /// Looks through an impl.
    pub fn of(item: &ItemImpl) -> Self {
        let mut items: HashMap<String, (When, Span)> = HashMap::new();
        for item in &item.items {
            let (name, attributes, span) = match item {
                ImplItem::Fn(f) => (f.sig.ident.to_string(), &f.attrs, f.sig.ident.span()),
                ImplItem::Type(t) => (t.ident.to_string(), &t.attrs, t.ty.span()),
                _ => continue,
            };
            let (when, _) = items.entry(name).or_insert_with(|| (When::default(), span));
            match condition(attributes) {
                Some(condition) => when.conditions.push(condition),
                None => when.always = true,
            }
        }
        Presence(items)
    }

    /// When an item is there.
    pub fn of_item(&self, name: &str) -> When {
        self.0.get(name).map(|(when, _)| when.clone()).unwrap_or_default()
    }

    /// Where it is written.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.0.get(name).map(|(_, span)| *span)
    }
}

/// All `#[cfg]`s of an item as one condition.
fn condition(attributes: &[Attribute]) -> Option<TokenStream> {
    let conditions: Vec<TokenStream> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .filter_map(|attribute| attribute.meta.require_list().ok().map(|list| list.tokens.clone()))
        .collect();
    if conditions.is_empty() { None } else { Some(quote!(all(#(#conditions),*))) }
}
