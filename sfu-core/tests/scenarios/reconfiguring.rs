//! New configurations while a worker runs: on all media threads, or on none.
use serde_json::{Value, json};
use sfu_core::control::{Command, Target};
use sfu_core::plugin::{
    Attach, Cx, Error, Plugin, ProducerInfo, Rows, RtpPacket, Start, Stats, Verdict, config, plugin,
};
use sfu_core::testing::{self, Build};

use crate::ms;

#[config]
#[derive(Debug, Clone, Default)]
struct Settings {
    limit: u32,
    /// A media thread that doesn't want it.
    refused_by: Option<u8>,
}

#[config]
#[derive(Debug, Default)]
struct Options {
    weight: u64,
}

/// Weighs packets.
struct Scale {
    config: Settings,
    taken: u32,
}

#[plugin(id = "scale")]
impl Plugin for Scale {
    type Config = Settings;
    type Options = Options;
    type Producer = u64;
    fn new(config: Settings, _: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Scale { config, taken: 0 })
    }
    fn reconfigure(&mut self, config: Settings, cx: &mut Cx<'_>) -> Result<(), Error> {
        if config.refused_by == Some(cx.worker()) {
            return Err(format!("media thread {} has had enough", cx.worker()).into());
        }
        self.config = config;
        self.taken += 1;
        Ok(())
    }
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, options: &Options, _: &mut Cx<'_>) -> Attach<u64> {
        Attach::On(options.weight)
    }
    fn rtp_in(&mut self, _: &mut u64, _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        Verdict::Forward
    }
    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        out.put_per_worker("limit", self.config.limit);
        out.put_sum("taken", self.taken);
        out.put_sum(
            "weight",
            rows.iter::<sfu_core::plugin::ProducerId>().map(|(_, weight)| weight).sum::<u64>(),
        );
        out.put_sum("producers", rows.iter::<sfu_core::plugin::ProducerId>().count());
    }
}

#[test]
fn a_new_configuration_reaches_every_thread_or_none() {
    for workers in [1, 2] {
        let config = json!({ "scale": { "limit": 7 } });
        let mut bench = Build::of::<Scale>().workers(workers).config(config).start();
        let limits = |bench: &mut testing::Bench<_>| bench.stats("scale")["limit"].clone();
        let all = |limit: u32| Value::from_iter((0..workers).map(|worker| (worker.to_string(), limit)));
        assert_eq!(limits(&mut bench), all(7));
        bench.reconfigure("scale", json!({ "limit": 8 })).unwrap();
        assert_eq!(limits(&mut bench), all(8));
        for refused_by in 0..workers {
            let refused = json!({ "limit": 9, "refused_by": refused_by });
            let error = bench.reconfigure("scale", refused).unwrap_err();
            assert_eq!(error.text, format!("plugins.scale: media thread {refused_by} has had enough"));
            assert_eq!(limits(&mut bench), all(8), "{workers} workers, {refused_by} refuses");
        }
        let error = bench.reconfigure("scale", json!({ "limit": 9, "bogus": 1 })).unwrap_err();
        assert!(error.text.starts_with("plugins.scale: unknown field `bogus`"), "{error}");
        assert_eq!(limits(&mut bench), all(8));
        // What is left out takes its default.
        bench.reconfigure("scale", json!({})).unwrap();
        assert_eq!(limits(&mut bench), all(0));
        assert!(bench.faults().is_empty());
    }
}

#[test]
fn enabled_and_options_of_a_new_configuration_hold_at_once() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Scale>().workers(workers).start();
        let stats = |bench: &mut testing::Bench<_>| {
            let stats = bench.stats("scale");
            (stats["producers"].as_u64().unwrap(), stats["weight"].as_u64().unwrap())
        };
        let _ = bench.audio_producer();
        let other = bench.peer_with(testing::PeerOptions::plain().worker(workers - 1));
        let p = bench.produce(other, testing::Media::opus());
        assert_eq!(stats(&mut bench), (2, 0));
        bench.reconfigure("scale", json!({ "options": { "weight": 5 } })).unwrap();
        assert_eq!(stats(&mut bench), (2, 10));
        bench.reconfigure("scale", json!({ "enabled": false })).unwrap();
        assert_eq!(stats(&mut bench), (0, 0));
        // Left out they stay: a plugin that is off is not switched on by the way.
        bench.reconfigure("scale", json!({ "limit": 1 })).unwrap();
        assert_eq!(stats(&mut bench), (0, 0));
        // Requests still win, the nearest first, with options of their own.
        bench.enable("scale", p, json!({ "weight": 100 })).unwrap();
        assert_eq!(stats(&mut bench), (1, 100));
        bench.reconfigure("scale", json!({ "enabled": true, "options": { "weight": 3 } })).unwrap();
        assert_eq!(stats(&mut bench), (2, 103));
        bench.enable("scale", Target::Worker, json!({ "weight": 20 })).unwrap();
        bench.reconfigure("scale", json!({ "options": { "weight": 4 } })).unwrap();
        assert_eq!(stats(&mut bench), (2, 120));
        for (wrong, text) in [
            (json!({ "enabled": 1 }), "plugins.scale.enabled: expected true or false"),
            (json!({ "options": { "wait": 1 } }), "plugins.scale.options: unknown field `wait`"),
            (json!([]), "plugins.scale: expected a table"),
        ] {
            let error = bench.reconfigure("scale", wrong).unwrap_err();
            assert!(error.text.starts_with(text), "{error}");
        }
        assert_eq!(stats(&mut bench), (2, 120));
    }
}

/// Where a thread refuses, those before it get `enabled` and `options` back too.
#[test]
fn what_was_enabled_stays_so_where_a_thread_refuses() {
    let config = json!({ "scale": { "options": { "weight": 2 } } });
    let mut bench = Build::of::<Scale>().workers(2).config(config).start();
    let _ = bench.audio_producer();
    let off = json!({ "enabled": false, "options": { "weight": 9 }, "refused_by": 1 });
    assert!(bench.reconfigure("scale", off).is_err());
    assert_eq!(
        (bench.stats("scale")["producers"].clone(), bench.stats("scale")["weight"].clone()),
        (json!(1), json!(2))
    );
    let _ = bench.audio_producer();
    assert_eq!(bench.stats("scale")["weight"], 4);
}

/// Takes its configuration only when it starts.
#[derive(Default)]
struct Fixed;

#[plugin(id = "fixed")]
impl Plugin for Fixed {
    type Config = Settings;
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("producers", rows.iter::<sfu_core::plugin::ProducerId>().count());
    }
}

#[test]
fn a_plugin_that_needs_a_restart_says_so_and_can_be_switched_all_the_same() {
    for workers in [1, 2] {
        let config = json!({ "fixed": { "limit": 7 } });
        let mut bench = Build::of::<Fixed>().workers(workers).config(config).start();
        let _ = bench.audio_producer();
        bench.play(&[], ms(20));
        assert_eq!(
            bench.reconfigure("fixed", json!({ "limit": 8 })).unwrap_err().text,
            "plugins.fixed: takes its configuration only when it starts; write it to the file and restart the worker"
        );
        assert_eq!(bench.stats("fixed")["producers"], 1);
        bench.reconfigure("fixed", json!({ "limit": 7, "enabled": false })).unwrap();
        assert_eq!(bench.stats("fixed")["producers"], 0);
    }
}

#[test]
fn a_plugin_may_reconfigure_another_through_the_control_api() {
    let mut bench = Build::of::<Scale>().workers(2).start();
    let command = Command::ReconfigurePlugin { plugin: "scale".into(), config: json!({ "limit": 3 }) };
    assert_eq!(bench.command(command), sfu_core::control::Reply::Done);
    assert_eq!(bench.stats("scale")["taken"], 2);
    let command = Command::ReconfigurePlugin { plugin: "nobody".into(), config: json!({}) };
    assert!(bench.try_command(command).unwrap_err().text.contains("no plugin `nobody`"));
}
