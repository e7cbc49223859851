//! What `plugins list`, `plugins schema` and `plugins check` print.
use std::fmt::Write;

use serde_json::{Value, json};

use super::compose::{PluginSet, shorten};
use super::config::PluginSettings;
use super::error::Error;
use super::meta::{Meta, OnPanic};
use super::registry::Description;
use crate::signaling::SignalingSet;

/// The plugins and signaling crates of a worker, and plugins that are linked but not composed.
pub fn list<S: PluginSet, G: SignalingSet>() -> String {
    let mut text = String::new();
    // Writing into a string can't fail.
    let _ = write_list::<S, G>(&mut text);
    text
}

fn write_list<S: PluginSet, G: SignalingSet>(out: &mut String) -> std::fmt::Result {
    writeln!(out, "plugins, in the order in which incoming packets meet them:")?;
    for (i, (_, meta, hooks)) in S::metas().enumerate() {
        writeln!(out, "  {}. {} {}  {}", i + 1, meta.id, meta.version, meta.about)?;
        writeln!(
            out,
            "     hooks: {}",
            if hooks == super::Hooks::NONE { "none".into() } else { hooks.to_string() }
        )?;
        let notes = notes(meta);
        if !notes.is_empty() {
            writeln!(out, "     {}", notes.join("; "))?;
        }
    }
    if S::LEN == 0 {
        writeln!(out, "  none")?;
    }
    writeln!(out, "signaling:")?;
    for about in G::about() {
        writeln!(out, "  {}  {}", about.id, about.about)?;
    }
    if G::LEN == 0 {
        writeln!(out, "  none")?;
    }
    let composed = |id: &str| S::metas().any(|(_, meta, _)| meta.id == id);
    for other in Description::all().iter().filter(|other| !composed(other.meta.id)) {
        let Meta { id, file, line, .. } = other.meta;
        writeln!(
            out,
            "note: plugin `{id}` is linked ({file}:{line}) but not composed; add `{}` to `worker!`",
            (other.type_name)()
        )?;
    }
    Ok(())
}

fn notes(meta: &Meta) -> Vec<String> {
    let mut notes = Vec::new();
    for (what, ids) in [
        ("after", meta.after),
        ("before", meta.before),
        ("requires", meta.requires),
        ("conflicts with", meta.conflicts),
    ] {
        if !ids.is_empty() {
            notes.push(format!("{what} {}", ids.join(", ")));
        }
    }
    if meta.off_by_default {
        notes.push("off until configured or asked for".to_owned());
    }
    if meta.on_panic != OnPanic::Forward {
        notes.push(format!("on panic: {}", meta.on_panic.name()));
    }
    notes
}

/// JSON schemas of a plugin's configuration, options and requests, or of a signaling crate's configuration.
pub fn schema<S: PluginSet, G: SignalingSet>(id: &str) -> Result<Value, Error> {
    if let Some(found) = Description::all().into_iter().find(|description| description.meta.id == id) {
        return Ok(json!({
            "config": (found.config)(),
            "options": (found.options)(),
            "request": (found.request)(),
        }));
    }
    if let Some(found) = G::about().into_iter().find(|about| about.id == id) {
        return Ok(json!({ "config": (found.schema)() }));
    }
    let known: Vec<&str> = S::metas().map(|(_, meta, _)| meta.id).chain(G::ids()).collect();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    let text = format!("no plugin and no signaling `{}`; this worker has: {known}", shorten(id));
    Err(Error::at("plugins", text))
}

/// Where each plugin is on, for people; the settings are checked.
pub fn state<S: PluginSet>(settings: &PluginSettings) -> String {
    let mut text = String::new();
    for (_, meta, _) in S::metas() {
        let on = settings.enabled(meta.id).unwrap_or(!meta.off_by_default);
        // Writing into a string can't fail.
        let _ = writeln!(text, "{}: {}", meta.id, if on { "on" } else { "on request" });
    }
    text
}
