//! Figures of plugins: their own, what went wrong with them, and what they cost.
use sfu_core::control::{PluginCost, WorkerStats};
use sfu_core::serde_json::Value as Json;

use crate::exposition::{Entity, Exposition, Value};
use crate::family::{Family, name_part};
use crate::labels::LabelText;

/// Adds the figures of all plugins.
pub(crate) fn add(stats: &WorkerStats, out: &mut Exposition) {
    for (plugin, faults) in &stats.plugin_faults {
        let mut entity = Entity::new(LabelText::new().with("plugin", plugin));
        let quarantined = "Media threads that call the plugin no more.";
        for (name, help, value) in [
            ("sfu_hook_panics", "Hooks of the plugin that panicked.", faults.panics),
            (
                "sfu_hook_overruns",
                "Hooks of the plugin that took too long, of those that were timed.",
                faults.overruns,
            ),
            ("sfu_detachments", "Entities that the plugin was detached from.", faults.detached),
            ("sfu_rebuilds", "Times that the plugin was made anew.", faults.rebuilt),
            (
                "sfu_refused_commands",
                "Commands of the plugin that there was no room for.",
                faults.refused_commands,
            ),
        ] {
            entity.put(Family::counter(name, help), value);
        }
        entity.put(Family::gauge("sfu_quarantined_threads", quarantined), faults.quarantined);
        out.add(entity);
    }
    for (plugin, cost) in &stats.plugin_costs {
        out.add(costs(plugin, cost));
    }
    for (plugin, figures) in &stats.plugins {
        out.add(queues(plugin, figures));
        let mut names = std::collections::BTreeSet::new();
        for (figure, kinds) in figures.as_object().into_iter().flatten() {
            let name = format!("sfu_plugin_{}_{}", name_part(plugin), name_part(figure));
            // Of two figures that differ in signs alone one is shown: the same series twice would spoil the whole text.
            if names.insert(name.clone()) {
                out.add(entity(plugin, figure, name, kinds));
            }
        }
    }
}

/// What the hooks of a plugin on packets and messages cost.
fn costs(plugin: &str, cost: &PluginCost) -> Entity {
    let mut entity = Entity::new(LabelText::new().with("plugin", plugin));
    let (name, help) =
        ("sfu_hook_calls", "Calls of the plugin's hooks on packets and messages, estimated from samples.");
    entity.put(Family::counter(name, help), cost.calls);
    let (name, help) = ("sfu_hook_seconds", "Time in these calls, estimated from samples.");
    entity.put(Family::counter(name, help), cost.nanoseconds as f64 / 1e9);
    let (name, help) = ("sfu_hook_drops", "Packets and messages that these calls dropped.");
    entity.put(Family::counter(name, help), cost.dropped);
    entity
}

/// How many figures of a plugin are shown as queues, whatever names it makes up.
const MAX_QUEUES: usize = 16;

/// Queues of a plugin by the names that `Offload` and the plugins here give them: what waits, and what found no room or was refused.
fn queues(plugin: &str, figures: &Json) -> Entity {
    let mut entity = Entity::new(LabelText::new().with("plugin", plugin));
    let (mut waiting, mut dropped) = (0, 0);
    for (figure, kinds) in figures.as_object().into_iter().flatten() {
        let words: Vec<&str> = figure.split('_').collect();
        let value = ["sum", "max"].iter().find_map(|kind| kinds.get(kind)).and_then(number);
        let Some(value) = value else { continue };
        let is_peak = words.contains(&"peak");
        if (words.contains(&"waiting") || words.first() == Some(&"queue")) && !is_peak && waiting < MAX_QUEUES
        {
            waiting += 1;
            let help = "What waits in the queues of the plugin, by its figures; bytes where these say so.";
            entity.put_with(Family::gauge("sfu_queued_in_plugin", help), ("figure", figure), value);
        }
        if words.contains(&"dropped") && !value.is_negative() && dropped < MAX_QUEUES {
            dropped += 1;
            let help = "What the plugin itself counts as dropped, by its figures.";
            entity.put_with(Family::counter("sfu_dropped_in_plugin", help), ("figure", figure), value);
        }
    }
    entity
}

/// One figure: `{"sum": 5}`, `{"max": 3}` or `{"per_worker": {"0": 7}}`.
fn entity(plugin: &str, figure: &str, name: String, kinds: &Json) -> Entity {
    let mut entity = Entity::new(LabelText::new().with("plugin", plugin));
    let family = |how: &str| {
        Family::unknown(name.clone(), format!("Figure `{figure}` of the plugin `{plugin}`{how}."))
    };
    if let Some(value) = kinds.get("sum").and_then(number) {
        entity.put(family(", the sum of all media threads"), value);
    } else if let Some(value) = kinds.get("max").and_then(number) {
        entity.put(family(", the greatest of all media threads"), value);
    } else if let Some(all) = kinds.get("per_worker").and_then(Json::as_object) {
        for (worker, value) in all {
            if let Some(value) = number(value) {
                entity.put_with(family(""), ("worker", worker), value);
            }
        }
    }
    entity
}

fn number(value: &Json) -> Option<Value> {
    let whole = value.as_u64().map(Value::Whole).or_else(|| value.as_i64().map(Value::Negative));
    whole.or_else(|| value.as_f64().map(Value::Fraction))
}

#[cfg(test)]
mod tests {
    use sfu_core::serde_json::json;

    use super::*;
    use crate::format::Format;

    #[test]
    fn costs_drops_and_queues_of_a_plugin_are_families_of_their_own() {
        let mut stats = WorkerStats::default();
        let cost = PluginCost { calls: 3, nanoseconds: 1_500_000, dropped: 2 };
        stats.plugin_costs.insert("recorder".to_owned(), cost);
        let mut figures = json!({
            "queue_bytes": { "max": 7 }, "queue_peak_bytes": { "max": 9 }, "dropped": { "sum": 4 },
            "posts_waiting": { "sum": 1 }, "dropped_ring_full": { "sum": 5 }, "undropped": { "sum": 6 },
            "odd_dropped": { "sum": -1 }, "even_dropped": { "sum": "text" },
        });
        stats.plugins.insert("recorder".to_owned(), figures.clone());
        for n in 0..100 {
            figures[format!("dropped_{n}")] = json!({ "sum": n });
            figures[format!("waiting_{n}")] = json!({ "sum": n });
        }
        stats.plugins.insert("wild".to_owned(), figures);
        let mut out = Exposition::new(1000);
        add(&stats, &mut out);
        let text = out.finish().text(Format::Prometheus);
        let of = |plugin: &str| {
            let named = |line: &&str| line.starts_with("sfu_") && !line.starts_with("sfu_plugin_");
            let plugin = format!("{{plugin=\"{plugin}\"");
            let of = text.lines().filter(named).filter(|line| line.contains(&plugin));
            let mut of: Vec<_> = of.map(str::to_owned).collect();
            of.sort();
            of
        };
        assert_eq!(
            of("recorder"),
            [
                "sfu_dropped_in_plugin_total{plugin=\"recorder\",figure=\"dropped\"} 4",
                "sfu_dropped_in_plugin_total{plugin=\"recorder\",figure=\"dropped_ring_full\"} 5",
                "sfu_hook_calls_total{plugin=\"recorder\"} 3",
                "sfu_hook_drops_total{plugin=\"recorder\"} 2",
                "sfu_hook_seconds_total{plugin=\"recorder\"} 0.0015",
                "sfu_queued_in_plugin{plugin=\"recorder\",figure=\"posts_waiting\"} 1",
                "sfu_queued_in_plugin{plugin=\"recorder\",figure=\"queue_bytes\"} 7",
            ]
        );
        assert_eq!(of("wild").len(), 2 * MAX_QUEUES, "{text}");
    }

    #[test]
    fn each_kind_of_figure_is_shown_and_no_series_twice() {
        let mut stats = WorkerStats::default();
        let figures = json!({
            "packets": { "sum": 5 }, "peak": { "max": -3 }, "queue": { "per_worker": { "0": 7, "1": 0.5 } },
            "a.b": { "sum": 1 }, "a-b": { "sum": 2 }, "odd": { "sum": "text" }, "none": 7,
        });
        stats.plugins.insert("audio-selector".to_owned(), figures);
        stats.plugins.insert("broken".to_owned(), json!([1]));
        let mut out = Exposition::new(100);
        add(&stats, &mut out);
        let text = out.finish().text(Format::Prometheus);
        for line in [
            "sfu_plugin_audio_selector_packets{plugin=\"audio-selector\"} 5",
            "sfu_plugin_audio_selector_peak{plugin=\"audio-selector\"} -3",
            "sfu_plugin_audio_selector_queue{plugin=\"audio-selector\",worker=\"0\"} 7",
            "sfu_plugin_audio_selector_queue{plugin=\"audio-selector\",worker=\"1\"} 0.5",
            "# TYPE sfu_plugin_audio_selector_packets untyped",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
        }
        assert_eq!(text.matches("\nsfu_plugin_audio_selector_a_b{").count(), 1, "{text}");
        assert!(!text.contains("odd") && !text.contains("none") && !text.contains("broken"), "{text}");
    }
}
