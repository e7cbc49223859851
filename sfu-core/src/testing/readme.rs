//! What a plugin's README says of its configuration.
use serde_json::Value;

use super::conformance::{Alone, schema_of};
use crate::plugin::{Plugin, PluginSettings};

/// Holds the README of a plugin against the plugin; panics where they differ.
///
/// It has a block of TOML with the plugin's table, `[plugins.<id>]`; a worker would take each such block; and each field of
/// `Config` and `Options` is named in one of them, in a comment at the least.
///
/// ```
/// use sfu_core::plugin::*;
/// use sfu_core::testing::check_readme;
///
/// #[config]
/// #[derive(Default)]
/// struct Config {
///     /// Packets per second.
///     limit: u32,
/// }
///
/// struct Limit;
///
/// #[plugin(id = "limit")]
/// impl Plugin for Limit {
///     type Config = Config;
///     fn new(_: Config, _: Start<'_, Self>) -> Result<Self, Error> {
///         Ok(Limit)
///     }
/// }
///
/// // In a test of a crate: check_readme::<Limit>(include_str!("../README.md"));
/// check_readme::<Limit>("```toml\n[plugins.limit]\nlimit = 20   # packets per second\n```\n");
/// ```
pub fn check_readme<P: Plugin>(readme: &str) {
    let id = P::META.id;
    let blocks = toml_blocks(readme);
    let blocks: Vec<&str> =
        blocks.iter().map(String::as_str).filter(|block| block.contains(&format!("plugins.{id}"))).collect();
    assert!(
        !blocks.is_empty(),
        "readme: `{id}` has no example of its configuration; write one with `[plugins.{id}]` in a block of ```toml"
    );
    for block in &blocks {
        if let Err(error) = check::<P>(block) {
            panic!("readme: a worker does not take the example of `{id}`: {error}\n{block}");
        }
    }
    for schema in [schema_of::<P::Config>(), schema_of::<P::Options>()] {
        for name in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|all| all.keys())
        {
            assert!(
                blocks.iter().any(|block| names(block, name)),
                "readme: no example of `{id}` names its field `{name}`; add it with its default, in a comment at the least"
            );
        }
    }
}

/// Blocks of TOML, as they stand there.
fn toml_blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
        if info.split(',').next() == Some("toml") {
            blocks.push(text.join("\n"));
        }
    }
    blocks
}

/// Whether a block sets a field, or says in a comment how it would be set; a table counts as its field.
fn names(block: &str, field: &str) -> bool {
    block.lines().any(|line| {
        let line = line.trim_start_matches(['#', ' ']);
        let key = line.split('=').next().unwrap_or_default().trim();
        key == field || line.split(|c: char| "[].".contains(c)).any(|part| part == field)
    })
}

fn check<P: Plugin>(block: &str) -> Result<(), String> {
    let file: toml::Value = toml::from_str(block).map_err(|error| error.to_string())?;
    let table = file.get("plugins").and_then(|plugins| plugins.get(P::META.id)).cloned();
    let Some(table) = table else { return Err(format!("it has no table [plugins.{}]", P::META.id)) };
    let json = serde_json::to_value(table).map_err(|error| error.to_string())?;
    let settings = PluginSettings::of(P::META.id, json).map_err(|error| error.to_string())?;
    settings.check::<Alone<P>>().map_err(|error| error.to_string())
}
