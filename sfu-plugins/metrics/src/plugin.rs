//! The hooks.
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use sfu_core::control::{Command, Reply, WorkerStats};
use sfu_core::plugin::{Cx, Error, Plugin, PluginHandle, Responder, Rows, Start, Target, plugin};
use sfu_core::serde_json::json;

use crate::collection::{Collection, Next};
use crate::format::Format;
use crate::ledger::Ledger;
use crate::report::report;
use crate::settings::{Config, Request};
use crate::{CODE_BUSY, CODE_INVALID};

/// The instance that collects for all of them.
const COLLECTOR: u8 = 0;

/// Figures of a worker for Prometheus and OpenMetrics.
pub struct Metrics {
    shared: Arc<Shared>,
    handle: PluginHandle<Collect>,
}

/// Asks for a collection.
#[derive(Debug, Clone, Copy)]
pub struct Collect;

/// What the instances share.
pub struct Shared {
    config: Mutex<Config>,
    collection: Mutex<Collection>,
    ledger: Mutex<Ledger>,
    /// The way to the instance that collects.
    collector: Mutex<Option<PluginHandle<Collect>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[plugin(id = "metrics")]
impl Plugin for Metrics {
    type Config = Config;
    type Request = Request;
    type Message = Collect;
    type Shared = Shared;

    fn shared(config: &Config) -> Result<Shared, Error> {
        config.check()?;
        Ok(Shared {
            config: Mutex::new(config.clone()),
            collection: Mutex::default(),
            ledger: Mutex::default(),
            collector: Mutex::default(),
        })
    }

    fn new(_: Config, start: Start<'_, Self>) -> Result<Self, Error> {
        if start.worker() == COLLECTOR {
            *lock(&start.shared().collector) = Some(start.handle());
        }
        Ok(Metrics { shared: start.shared().clone(), handle: start.handle() })
    }

    fn reconfigure(&mut self, config: Config, _: &mut Cx<'_>) -> Result<(), Error> {
        config.check()?;
        *lock(&self.shared.config) = config;
        Ok(())
    }

    fn request(&mut self, _: Request, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.error(CODE_INVALID, "plugins.metrics: the figures are of the whole worker; ask without a target");
    }

    async fn serve(shared: &Arc<Shared>, Request::Text { accept }: Request, re: Responder) {
        let format = Format::accepted(accept.as_deref().unwrap_or_default());
        let asked = lock(&shared.collection).ask(format, re, Instant::now());
        match asked {
            Ok(Next::Wait) => {}
            Ok(Next::Collect) => {
                let collector = lock(&shared.collector).clone();
                if collector.is_none_or(|collector| collector.send(Collect).is_err()) {
                    shared.fail("plugins.metrics: the media thread takes no messages; try again");
                }
            }
            Err(re) => {
                re.error(CODE_BUSY, "plugins.metrics: too many ask at once; ask less often");
            }
        }
    }

    fn message(&mut self, Collect: Collect, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        cx.control(Command::Stats(Target::Worker), 0);
    }

    fn done(&mut self, _: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        let shared = self.shared.clone();
        // Writing the text takes time that a media thread has not.
        self.handle.spawn(async move {
            match outcome {
                Ok(Reply::Stats(stats)) => shared.answer(&stats),
                Ok(_) => shared.fail("plugins.metrics: the worker answered something else than figures"),
                Err(error) => shared.fail(&format!("plugins.metrics: no figures: {error}")),
            }
        });
    }
}

impl Shared {
    /// Answers all who wait.
    fn answer(&self, stats: &WorkerStats) {
        let config = lock(&self.config).clone();
        let finished = report(stats, &mut lock(&self.ledger), &config);
        let mut texts: Vec<(Format, String)> = Vec::new();
        for (format, re) in lock(&self.collection).finish() {
            let known = texts.iter().position(|(known, _)| *known == format);
            let at = known.unwrap_or_else(|| {
                texts.push((format, finished.text(format)));
                texts.len() - 1
            });
            let text = texts.get(at).map_or("", |(_, text)| text.as_str());
            re.ok(json!({ "contentType": format.content_type(), "text": text }));
        }
    }

    /// Tells all who wait that there are no figures.
    fn fail(&self, text: &str) {
        for (_, re) in lock(&self.collection).finish() {
            re.error(CODE_BUSY, text);
        }
    }
}
