//! What stands in `#[plugin(…)]`.
use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, LitInt, LitStr, Meta, Token};

use super::error_at;

/// The arguments, checked.
#[derive(Default)]
pub struct Arguments {
    pub id: String,
    pub about: String,
    pub after: Vec<LitStr>,
    pub before: Vec<LitStr>,
    pub requires: Vec<LitStr>,
    pub conflicts: Vec<LitStr>,
    pub off: bool,
    pub on_panic: Option<String>,
    pub tick_ms: Option<u64>,
}

const KNOWN: &str =
    "`id`, `about`, `after(…)`, `before(…)`, `requires(…)`, `conflicts(…)`, `off`, `on_panic`, `tick_ms`";

impl Arguments {
    /// Parses; takes `about` from the doc comment where it is not given.
    pub fn parse(tokens: TokenStream, attributes: &[Attribute], errors: &mut Vec<syn::Error>) -> Self {
        let mut arguments = Arguments::default();
        let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas,
            Err(error) => {
                errors.push(error);
                return arguments;
            }
        };
        for meta in metas {
            if let Err(error) = arguments.take(&meta) {
                errors.push(error);
            }
        }
        if arguments.id.is_empty() && errors.is_empty() {
            let text = "a plugin needs an id: `#[plugin(id = \"…\")]`";
            errors.push(syn::Error::new(Span::call_site(), text));
        }
        if arguments.about.is_empty() {
            arguments.about = doc_line(attributes);
        }
        arguments
    }

    fn take(&mut self, meta: &Meta) -> syn::Result<()> {
        let name = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
        match (name.as_str(), meta) {
            ("off", Meta::Path(_)) => self.off = true,
            ("id", _) => {
                let id = text(meta)?;
                let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
                if id.value().is_empty() || id.value().len() > 64 || !id.value().chars().all(fine) {
                    return Err(error_at(&id, "an id is 1 to 64 lower-case letters, digits, `-` and `_`"));
                }
                self.id = id.value();
            }
            ("about", _) => self.about = text(meta)?.value(),
            ("on_panic", _) => {
                let how = text(meta)?;
                if !matches!(how.value().as_str(), "forward" | "drop" | "close") {
                    return Err(error_at(&how, "`on_panic` is \"forward\", \"drop\" or \"close\""));
                }
                self.on_panic = Some(how.value());
            }
            ("tick_ms", Meta::NameValue(pair)) => {
                let wrong = || error_at(&pair.value, "`tick_ms` is a number of milliseconds, at least 1");
                let Expr::Lit(literal) = plain(&pair.value) else { return Err(wrong()) };
                let Lit::Int(number) = &literal.lit else { return Err(wrong()) };
                self.tick_ms = Some(LitInt::base10_parse::<u64>(number)?).filter(|ms| *ms > 0);
                if self.tick_ms.is_none() {
                    return Err(wrong());
                }
            }
            ("after", Meta::List(list)) => self.after = ids(list)?,
            ("before", Meta::List(list)) => self.before = ids(list)?,
            ("requires", Meta::List(list)) => self.requires = ids(list)?,
            ("conflicts", Meta::List(list)) => self.conflicts = ids(list)?,
            ("after" | "before" | "requires" | "conflicts", _) => {
                return Err(error_at(meta, format!("write `{name}(\"one\", \"another\")`")));
            }
            _ => return Err(error_at(meta, format!("unknown argument; there are {KNOWN}"))),
        }
        Ok(())
    }
}

fn text(meta: &Meta) -> syn::Result<LitStr> {
    if let Meta::NameValue(pair) = meta
        && let Expr::Lit(literal) = plain(&pair.value)
        && let Lit::Str(text) = &literal.lit
    {
        return Ok(text.clone());
    }
    Err(error_at(meta, "expected `= \"…\"`"))
}

/// Without the invisible parentheses around what a `macro_rules!` put in.
fn plain(expression: &Expr) -> &Expr {
    match expression {
        Expr::Group(group) => plain(&group.expr),
        other => other,
    }
}

fn ids(list: &syn::MetaList) -> syn::Result<Vec<LitStr>> {
    let ids = list.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?;
    Ok(ids.into_iter().collect())
}

/// The first line of a doc comment.
fn doc_line(attributes: &[Attribute]) -> String {
    for attribute in attributes {
        if attribute.path().is_ident("doc")
            && let Ok(line) = text(&attribute.meta)
        {
            return line.value().trim().to_owned();
        }
    }
    String::new()
}
