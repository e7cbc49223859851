//! Configuration, and what is printed about plugins.
use serde_json::json;

use crate::plugin::*;

#[config]
pub struct Settings {
    report_every: u64,
    panic_at: Option<u64>,
    nested: Nested,
}

#[config]
#[derive(Default)]
pub struct Nested {
    depth: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { report_every: 10, panic_at: None, nested: Nested::default() }
    }
}

pub struct Configured(u64);

/// Keeps its settings.
///
/// At length.
#[plugin(id = "configured", conflicts("nobody"), on_panic = "drop")]
impl Plugin for Configured {
    type Config = Settings;
    type Options = Nested;
    fn shared(config: &Settings) -> Result<(), Error> {
        if config.report_every == 0 { Err("`report_every` must not be 0".into()) } else { Ok(()) }
    }
    fn new(config: Settings, _: Start<'_, Self>) -> Result<Self, Error> {
        assert!(config.panic_at.is_none(), "told to");
        Ok(Configured(config.report_every + u64::from(config.nested.depth)))
    }
    fn reconfigure(&mut self, config: Settings, _: &mut Cx<'_>) -> Result<(), Error> {
        self.0 = config.report_every;
        Ok(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        Verdict::Forward
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_max("every", self.0);
    }
}

sfu_core::worker! { struct Settled; plugins = [Configured]; }
type Set = <Settled as Composition>::Plugins;

fn every(bench: &mut super::bench::Bench<Set>) -> serde_json::Value {
    bench.at(|p, m| p.stats(Target::Worker, m))["configured"]["every"]["max"].clone()
}

fn refused(plugins: serde_json::Value) -> String {
    let settings = PluginSettings::from_json(plugins).unwrap();
    let Err(error) = settings.check::<Set>() else { panic!("accepted") };
    error.to_string()
}

#[test]
fn configuration_comes_from_file_and_command_line() {
    let file = toml::toml! {
        [configured]
        report_every = 20
        enabled = false
    };
    let mut settings = PluginSettings::from_toml(file.into()).unwrap();
    settings.set("configured.nested.depth=3").unwrap();
    let mut bench = super::bench::Bench::<Set>::with(settings.clone());
    assert_eq!(every(&mut bench), 23);
    assert_eq!(settings.enabled("configured"), Some(false));
    bench.at(|p, m| p.reconfigure("configured", json!({ "report_every": 5 }), m)).unwrap();
    assert_eq!(every(&mut bench), 5);
    let error = bench.at(|p, m| p.reconfigure("configured", json!({ "report": 5 }), m)).unwrap_err();
    assert!(error.to_string().starts_with("plugins.configured: unknown field `report`"), "{error}");
    assert_eq!(every(&mut super::bench::Bench::<Set>::new()), 10);
}

#[test]
fn a_mistake_in_the_configuration_is_named() {
    assert_eq!(
        refused(json!({ "configured": { "bogus": 1 } })),
        "plugins.configured: unknown field `bogus`, expected one of `report_every`, `panic_at`, `nested`"
    );
    assert_eq!(
        refused(json!({ "configured": { "options": { "dept": 1 } } })),
        "plugins.configured.options: unknown field `dept`, expected `depth`"
    );
    assert_eq!(
        refused(json!({ "configured": { "enabled": "maybe" } })),
        "plugins.configured.enabled: expected true or false"
    );
    assert_eq!(
        refused(json!({ "nope": {} })),
        "plugins.nope: not composed into this worker: no plugin `nope`; this worker has: configured; \
         add it to `worker!` or remove the table"
    );
    assert_eq!(
        PluginSettings::from_json(json!({ "configured": 1 })).unwrap_err().to_string(),
        "plugins.configured: expected a table"
    );
    for bad in ["configured", "configured=1", ".x=1", "configured.=1", "configured..x=1"] {
        assert!(PluginSettings::default().set(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_plugin_says_against_its_configuration_names_the_plugin() {
    let launch = Launch::with_spawner(std::sync::Arc::new(drop), 1);
    let mut settings = PluginSettings::default();
    settings.set("configured.report_every=0").unwrap();
    let Err(error) = Set::prepare(&settings, &launch) else { panic!() };
    assert_eq!(error.to_string(), "plugins.configured: `report_every` must not be 0");

    let mut settings = PluginSettings::default();
    settings.set("configured.panic_at=1").unwrap();
    let seed = Set::prepare(&settings, &launch).unwrap();
    super::bench::quiet();
    let Err(error) = Set::start(&seed, 0, std::time::Instant::now()) else { panic!() };
    assert_eq!(error.to_string(), "plugins.configured: `new` panicked: told to");
}

#[test]
fn the_list_shows_order_hooks_and_what_is_linked_but_not_composed() {
    let text = list::list::<Set, crate::signaling::End>();
    let mine = text.lines().skip(1).take(3).collect::<Vec<_>>();
    assert_eq!(
        mine,
        [
            "  1. configured 0.1.0  Keeps its settings.",
            "     hooks: shared, new, reconfigure, producer_opened, rtp_in, stats",
            "     conflicts with nobody; on panic: drop",
        ]
    );
    assert!(
        text.contains("note: plugin `count` is linked (sfu-core/src/plugin/tests/newcomer.rs:"),
        "{text}"
    );
    assert!(
        text.contains(
            "but not composed; add `sfu_core::plugin::tests::newcomer::plugin::Count` to `worker!`"
        )
    );
}

#[test]
fn the_schema_shows_the_authors_own_words() {
    let schema = list::schema::<Set, crate::signaling::End>("configured").unwrap();
    assert_eq!(schema["config"]["properties"]["report_every"]["default"], 10);
    assert_eq!(schema["options"]["properties"]["depth"]["maximum"], 255);
    let error = list::schema::<Set, crate::signaling::End>("ghost").unwrap_err().to_string();
    assert_eq!(error, "plugins: no plugin and no signaling `ghost`; this worker has: configured");
    assert_eq!(list::state::<Set>(&PluginSettings::default()), "configured: on\n");
}
