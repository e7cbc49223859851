//! An author's likely mistakes.
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, ReturnType};

use super::arguments::Arguments;
use super::error_at;
use crate::hook_table::{HOOKS, Hook, Returns};

const TYPES: [&str; 13] = [
    "Config",
    "Options",
    "Request",
    "Message",
    "Shared",
    "Note",
    "Session",
    "Router",
    "Transport",
    "Producer",
    "Consumer",
    "DataProducer",
    "DataConsumer",
];

/// Whether a plugin has a type of that name.
pub fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

/// The impl as a whole.
pub fn shape(item: &ItemImpl, errors: &mut Vec<syn::Error>) {
    match &item.trait_ {
        Some((None, path, _)) if path.segments.last().is_some_and(|last| last.ident == "Plugin") => {}
        _ => {
            errors.push(error_at(&item.self_ty, "`#[plugin(…)]` belongs above an `impl Plugin for YourType`"))
        }
    }
    if !item.generics.params.is_empty() {
        errors.push(error_at(
            &item.generics,
            "a plugin can't be generic: a worker lists plugins by name\n\
             help: put the generic part into a type of its own, and write `impl Plugin` for one concrete type",
        ));
    }
}

/// The items, one by one.
pub fn items(item: &ItemImpl, arguments: &Arguments, errors: &mut Vec<syn::Error>) {
    for item in &item.items {
        match item {
            ImplItem::Fn(function) => hook(function, arguments, errors),
            ImplItem::Type(ty) => {
                let name = ty.ident.to_string();
                if !is_type(&name) {
                    let like = suggestion(&name, TYPES.iter().copied());
                    let text =
                        format!("`{name}` is not a type of a plugin{like}\nthere are: {}", TYPES.join(", "));
                    errors.push(error_at(&ty.ident, text));
                }
            }
            ImplItem::Macro(call) => errors.push(error_at(
                &call.mac.path,
                "a macro call in here hides hooks from `#[plugin]`: they would never run\n\
                 help: write the hooks out, and call the macro inside of them",
            )),
            ImplItem::Const(constant) => {
                errors.push(error_at(
                    &constant.ident,
                    "`#[plugin]` writes the constants: say it in `#[plugin(…)]`",
                ));
            }
            other => errors.push(error_at(other, "only hooks and types belong here")),
        }
    }
    for (needs, ty) in [("request", "Request"), ("serve", "Request"), ("message", "Message")] {
        let has = |name: &str| {
            item.items.iter().find_map(|item| match item {
                ImplItem::Fn(f) if f.sig.ident == name => Some(&f.sig.ident),
                ImplItem::Type(t) if t.ident == name => Some(&t.ident),
                _ => None,
            })
        };
        if let (Some(at), None) = (has(needs), has(ty)) {
            errors.push(error_at(at, format!("hook `{needs}` needs `type {ty} = …;`")));
        }
    }
}

fn hook(function: &ImplItemFn, arguments: &Arguments, errors: &mut Vec<syn::Error>) {
    let signature = &function.sig;
    let name = signature.ident.to_string();
    let Some(hook) = HOOKS.iter().find(|hook| hook.name == name) else {
        let like = suggestion(&name, HOOKS.iter().map(|hook| hook.name));
        let all: Vec<&str> = HOOKS.iter().map(|hook| hook.name).collect();
        errors.push(error_at(
            &signature.ident,
            format!(
                "`{name}` is not a plugin hook{like}\nhooks: {}\nhelp: helper functions belong in a separate `impl` block",
                all.join(", ")
            ),
        ));
        return;
    };
    if let Some(token) = &signature.asyncness
        && hook.name != "serve"
    {
        errors.push(error_at(
            token,
            format!(
                "hook `{name}` cannot be async: it runs on the media thread\n\
                 help: move slow work to an `Offload` queue or `handle.spawn(…)`, and answer requests later with `Responder`"
            ),
        ));
        return;
    }
    if wrong_parameters(function, hook) {
        let text = format!("hook `{name}` has the wrong signature\nexpected: {}", hook.signature);
        errors.push(error_at(&signature.ident, text));
        return;
    }
    if matches!(signature.output, ReturnType::Default) {
        match hook.returns {
            Returns::Verdict => errors.push(error_at(
                &signature.ident,
                format!(
                    "hook `{name}` must say what happens to the packet: it returns a `Verdict`\n\
                     help: write `-> Verdict` and end the body with `Verdict::Forward`"
                ),
            )),
            Returns::Attach => errors.push(error_at(
                &signature.ident,
                format!(
                    "hook `{name}` must say whether the plugin is on: it returns an `Attach`\n\
                     help: write the return type, and end the body with `Attach::On(state)` or `Attach::Off`"
                ),
            )),
            Returns::Nothing | Returns::Other => {}
        }
    }
    if matches!(hook.name, "rtp_out" | "data_in") && arguments.on_panic.is_none() {
        errors.push(error_at(
            &signature.ident,
            format!(
                "a plugin with `{name}` must say what happens to the media it guards if it panics\n\
                 help: write `on_panic = \"forward\"`, `\"drop\"` or `\"close\"` in `#[plugin(…)]`"
            ),
        ));
    }
}

fn wrong_parameters(function: &ImplItemFn, hook: &Hook) -> bool {
    let inputs = &function.sig.inputs;
    let receiver = matches!(inputs.first(), Some(FnArg::Receiver(_)));
    inputs.len() != hook.arity || receiver != hook.has_self
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let best = known.map(|known| (distance(name, known), known)).min();
    match best {
        Some((distance, known)) if distance <= 1 + name.len() / 4 => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// Levenshtein distance, regardless of case.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        let names = || HOOKS.iter().map(|hook| hook.name);
        assert_eq!(suggestion("rtp_inn", names()), "; did you mean `rtp_in`?");
        assert_eq!(suggestion("producer_open", names()), "; did you mean `producer_opened`?");
        assert_eq!(suggestion("frobnicate", names()), "");
    }

    #[test]
    fn every_hook_has_the_arity_of_its_signature() {
        for hook in HOOKS {
            let signature: syn::Signature = syn::parse_str(hook.signature).expect(hook.name);
            assert_eq!(signature.inputs.len(), hook.arity, "{}", hook.name);
            assert_eq!(signature.receiver().is_some(), hook.has_self, "{}", hook.name);
            assert_eq!(signature.ident, hook.name);
        }
    }
}
