//! What every plugin has to bear.
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::bench::Bench;
use super::build::Build;
use super::trial::live;
use crate::control::EventBody;
use crate::plugin::{Cons, Nil, Plugin, PluginSet, PluginSettings};

/// How long nothing happens, so that it shows whether a plugin lets a media thread sleep.
const IDLE: Duration = Duration::from_secs(10);
/// Turns per second of an idle media thread, beside those for `tick`. Without plugins it makes fewer than one.
const IDLE_TURNS: u64 = 20;

/// Puts a plugin through what every plugin has to bear, with one media thread and with two; panics where it fails.
///
/// * **Settings.** `Config` takes an empty table and the defaults of its own schema, and refuses unknown fields; so does
///   `Options`. A request of an unknown `method` is refused.
/// * **Life.** Each of the seven kinds of entity opens and closes, children first and parents first, with one media thread
///   and with two; the plugin is switched on late and off early, configured anew, and the worker stops.
/// * **Hostile input.** Media payloads of VP8, VP9, H264, AV1 and Opus that make no sense, RTCP that is none, data channel
///   messages of any bytes and identifiers, requests that make no sense. No hook may panic, or take more than 5 ms.
/// * **Requests** that need no more than their `method` are sent to each entity: each is answered, or kept for later.
/// * **Rest.** While there is nobody, media threads sleep: 20 turns a second, beside those for `tick`, are the most.
///
/// What it does not see: how many instructions a hook takes, for which there is no portable way within a test, and whether
/// it allocates, which only a test with an allocator of its own can count.
///
/// ```
/// use sfu_core::plugin::*;
/// use sfu_core::testing::conformance;
///
/// #[derive(Default)]
/// struct Nothing;
///
/// #[plugin(id = "nothing")]
/// impl Plugin for Nothing {}
///
/// conformance::<Nothing>();
/// ```
pub fn conformance<P: Plugin>() {
    conformance_with::<P>(Value::Null);
}

/// The same, with a configuration: the plugin's own table, for a plugin that does not start without one.
pub fn conformance_with<P: Plugin>(config: Value) {
    check_config::<P>(&config);
    check_options::<P>();
    for workers in [1, 2] {
        let table = json!({ P::META.id: if config.is_null() { json!({}) } else { config.clone() } });
        let mut bench = Build::of::<P>().workers(workers).config(table).start();
        rests(&mut bench);
        live::<P>(&mut bench);
        let faults: Vec<String> = bench
            .events()
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::PluginFault { step, text, .. } => {
                    Some(format!("{:?}: {step}: {text}", event.target))
                }
                _ => None,
            })
            .collect();
        assert!(
            faults.is_empty(),
            "conformance: `{}` failed with {workers} worker(s): {faults:#?}",
            P::META.id
        );
        bench.stop();
    }
}

pub(super) type Alone<P> = Cons<P, Nil>;

fn check_config<P: Plugin>(config: &Value) {
    let id = P::META.id;
    let check = |table: &Value| {
        PluginSettings::from_json(json!({ id: table })).and_then(|settings| settings.check::<Alone<P>>())
    };
    if config.is_null()
        && let Err(error) = check(&json!({}))
    {
        panic!("conformance: `{id}` does not start without configuration: {error}");
    }
    let mut base = match config {
        Value::Object(table) => table.clone(),
        _ => Default::default(),
    };
    if let Err(error) = check(&Value::Object(base.clone())) {
        panic!("conformance: `{id}` does not take its configuration: {error}");
    }
    base.insert("no_plugin_has_this_field".into(), json!(1));
    assert!(
        check(&Value::Object(base.clone())).is_err(),
        "conformance: `{id}` takes unknown fields in its configuration; write #[config] above it"
    );
    base.remove("no_plugin_has_this_field");
    base.extend(defaults(&schema_of::<P::Config>()));
    if let Err(error) = check(&Value::Object(base)) {
        panic!("conformance: `{id}` does not take the defaults of its own schema: {error}");
    }
}

fn check_options<P: Plugin>() {
    let id = P::META.id;
    let Ok(slot) = Alone::<P>::slot_of(id) else { return };
    let check = |options: Map<String, Value>| Alone::<P>::check_options(slot, &Value::Object(options));
    let unknown = Map::from_iter([("no_plugin_has_this_field".to_owned(), json!(1))]);
    assert!(
        check(unknown).is_err(),
        "conformance: `{id}` takes unknown fields in its options; write #[config] above them"
    );
    if let Err(error) = check(defaults(&schema_of::<P::Options>())) {
        panic!("conformance: `{id}` does not take the defaults of the schema of its options: {error}");
    }
}

/// The JSON schema of a type.
pub(super) fn schema_of<T: schemars::JsonSchema>() -> Value {
    serde_json::to_value(schemars::schema_for!(T)).unwrap_or_default()
}

/// What a schema says that fields are without being written.
fn defaults(schema: &Value) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, field)| Some((name.clone(), field.get("default")?.clone()))).collect()
}

/// Nothing happens: a plugin must not keep its media thread busy.
fn rests<P: Plugin>(bench: &mut Bench<Alone<P>>) {
    bench.advance(Duration::from_secs(1));
    let before = bench.turns();
    bench.advance(IDLE);
    let ticks = IDLE.as_millis() / P::META.tick.as_millis().max(1);
    let most = u64::from(bench.workers()) * (ticks as u64 + IDLE_TURNS * IDLE.as_secs());
    let turns = bench.turns() - before;
    assert!(
        turns <= most,
        "conformance: `{}` keeps media threads busy while there is nobody: {turns} turns in {} s, {most} are allowed; \
         call `cx.wake_at` when something is due only",
        P::META.id,
        IDLE.as_secs()
    );
}
