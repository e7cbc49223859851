//! Figures of plugins: their own, and what went wrong with them.
use sfu_core::control::WorkerStats;
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
    for (plugin, figures) in &stats.plugins {
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
