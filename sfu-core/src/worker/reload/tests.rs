//! A configuration that is read again, by real workers with one media thread and with two.
use std::sync::Mutex as StdMutex;

use serde_json::json;

use super::*;
use crate::control::{ErrorKind, Target};
use crate::plugin::*;
use crate::worker::Running;

#[config]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    level: u8,
}

/// Takes a level up to nine.
pub struct Dial(u8);

#[plugin(id = "dial")]
impl Plugin for Dial {
    type Config = Settings;
    type Request = Value;

    fn new(config: Settings, _: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Dial(config.level))
    }
    fn reconfigure(&mut self, config: Settings, _: &mut Cx<'_>) -> Result<(), Error> {
        if config.level > 9 {
            return Err(Error::new("level: 9 at the most"));
        }
        self.0 = config.level;
        Ok(())
    }
    fn request(&mut self, _: Value, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.ok(self.0);
    }
}

/// Takes a level when it starts, and is on for nothing unless somebody says so.
#[derive(Default)]
pub struct Fixed;

#[plugin(id = "fixed", off)]
impl Plugin for Fixed {
    type Config = Settings;
    type Router = ();

    fn router_opened(&mut self, _: &RouterInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("routers", rows.iter::<crate::control::RouterId>().count());
    }
}

crate::worker! { struct Program; plugins = [Dial, Fixed]; }

/// A worker, and the file that it was started from.
struct Bench {
    file: Arc<StdMutex<Value>>,
    running: Running,
}

impl Bench {
    async fn new(workers: u8, file: Value) -> Self {
        let file = Arc::new(StdMutex::new(file));
        let read = file.clone();
        let source = Source::new(move |given| {
            let mut config =
                super::super::file::from_json(given.unwrap_or_else(|| read.lock().unwrap().clone()))?;
            config.workers = workers;
            Ok(config)
        });
        let first = (source.0)(None).expect("the first configuration is good");
        let builder = Builder::<Program>::new().config(first.clone()).source(source, first);
        let running = builder.without_http().without_shared_ports().start().await.expect("it starts");
        Bench { file, running }
    }

    async fn reload(&self, file: Value) -> Result<Vec<String>, ControlError> {
        *self.file.lock().unwrap() = file;
        self.running.control().reload(None).await.map(|reloaded| reloaded.plugins)
    }

    async fn levels(&self) -> Value {
        self.running.control().plugin_request("dial", Target::Worker, Value::Null).await.expect("an answer")
    }

    /// What all media threads have.
    async fn level(&self) -> u64 {
        let levels = self.levels().await;
        let levels = levels.as_array().expect("an answer of each media thread");
        assert!(levels.iter().all(|level| *level == levels[0]), "{levels:?}");
        levels[0].as_u64().expect("a level")
    }

    async fn routers(&self) -> Value {
        let stats = self.running.control().stats(Target::Worker).await.expect("figures");
        stats.plugins.get("fixed").map_or(Value::Null, |figures| figures["routers"]["sum"].clone())
    }
}

#[tokio::test]
async fn what_the_file_says_anew_holds_on_all_media_threads() {
    for workers in [1, 2] {
        let bench = Bench::new(workers, json!({ "plugins": { "dial": { "level": 1 } } })).await;
        let control = bench.running.control();
        control.create_router(0, crate::control::Labels::new()).await.expect("a router");
        assert_eq!((bench.level().await, bench.routers().await), (1, json!(0)));
        let file = json!({ "plugins": { "dial": { "level": 2 }, "fixed": { "enabled": true } } });
        assert_eq!(bench.reload(file.clone()).await, Ok(vec!["dial".into(), "fixed".into()]));
        assert_eq!((bench.level().await, bench.routers().await), (2, json!(1)));
        assert_eq!(bench.reload(file).await, Ok(vec![]));
        // What is left out has its default again.
        assert_eq!(bench.reload(json!({})).await, Ok(vec!["dial".into(), "fixed".into()]));
        assert_eq!((bench.level().await, bench.routers().await), (0, json!(0)));
        // What is given in place of the file.
        let given = json!({ "plugins": { "dial": { "level": 5 } } });
        assert_eq!(control.reload(Some(given)).await.map(|it| it.plugins), Ok(vec!["dial".into()]));
        assert_eq!(bench.level().await, 5);
        bench.running.stop().await;
    }
}

#[tokio::test]
async fn a_configuration_of_which_a_part_is_refused_changes_nothing() {
    for workers in [1, 2] {
        let first = json!({ "plugins": { "dial": { "level": 1 } }, "signaling": {} });
        let bench = Bench::new(workers, first.clone()).await;
        for (file, kind, named) in [
            // The plugin after it refuses.
            (
                json!({ "plugins": { "dial": { "level": 2 }, "fixed": { "level": 3 } } }),
                ErrorKind::Invalid,
                "plugins.fixed",
            ),
            (json!({ "plugins": { "dial": { "level": 10 } } }), ErrorKind::Invalid, "plugins.dial: level: 9"),
            (json!({ "plugins": { "dial": { "levle": 2 } } }), ErrorKind::Invalid, "levle"),
            (json!({ "plugins": { "dail": { "level": 2 } } }), ErrorKind::Invalid, "plugins.dail"),
            (json!({ "plugin": {} }), ErrorKind::Invalid, "config: "),
            (
                json!({ "plugins": { "dial": { "level": 2 } }, "rtc": { "udp_port": 5 }, "http": { "listen": "127.0.0.1:1" } }),
                ErrorKind::State,
                "config: http, rtc can't change while the worker runs",
            ),
        ] {
            let error = bench.reload(file).await.expect_err("it is refused");
            assert!(error.kind == kind && error.text.contains(named), "{error:?} names {named}");
            assert_eq!(bench.level().await, 1, "{error}");
        }
        assert_eq!(bench.reload(first).await, Ok(vec![]), "it goes on from what it had");
        bench.running.stop().await;
    }
}

#[tokio::test]
async fn a_worker_that_was_started_without_a_file_says_so() {
    let builder = Builder::<Program>::new().workers(1).without_http().without_shared_ports();
    let running = builder.start().await.expect("it starts");
    let error = running.control().reload(None).await.expect_err("there is no file");
    assert!(error.text.starts_with("config: this worker was started without a file"), "{error}");
    running.stop().await;
}
