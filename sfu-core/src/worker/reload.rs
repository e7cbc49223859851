//! A new configuration for a running worker: all of it, or nothing.
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::{Builder, WorkerConfig, WorkerError};
use crate::control::{Command, ControlError, ControlHandle, Reloaded, Reloading, TakeConfig};
use crate::plugin::{Composition, Meta, PluginSet, PluginSettings};

type Read = dyn Fn(Option<Value>) -> Result<WorkerConfig, WorkerError> + Send + Sync;

/// Makes the settings of what stands in the file, or of what is given in its place, with the command line on top.
#[derive(Clone)]
pub(super) struct Source(Arc<Read>);

impl Source {
    /// Reads by `read`.
    pub(super) fn new(
        read: impl Fn(Option<Value>) -> Result<WorkerConfig, WorkerError> + Send + Sync + 'static,
    ) -> Self {
        Source(Arc::new(read))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// Knows where the configuration comes from, and what it said last.
pub(super) struct Reload<C> {
    source: Source,
    /// Locked while a new one is taken over.
    last: Arc<Mutex<WorkerConfig>>,
    composition: PhantomData<fn() -> C>,
}

impl<C> Reload<C> {
    /// For a worker that was started with `config`, from `source`.
    pub(super) fn new(source: Source, config: WorkerConfig) -> Self {
        Reload { source, last: Arc::new(Mutex::new(config)), composition: PhantomData }
    }
}

impl<C: Composition> TakeConfig for Reload<C> {
    fn take(&self, control: ControlHandle, config: Option<Value>) -> Reloading {
        let (source, last) = (self.source.clone(), self.last.clone());
        Box::pin(async move {
            let mut last = last.lock().await;
            let next = (source.0)(config).map_err(invalid)?;
            Builder::<C>::new().config(next.clone()).check().map_err(invalid)?;
            let fixed = fixed(&last, &next);
            if !fixed.is_empty() {
                return Err(ControlError::state(format!(
                    "config: {} can't change while the worker runs; restart it, or write what was there before",
                    fixed.join(", ")
                )));
            }
            let reloaded = reconfigure::<C>(&control, &last.plugins, &next.plugins).await?;
            *last = next;
            Ok(reloaded)
        })
    }
}

fn invalid(error: WorkerError) -> ControlError {
    ControlError::invalid(error.to_string())
}

/// Brings the plugins to their new tables one after the other; those that have theirs go back where one refuses.
async fn reconfigure<C: Composition>(
    control: &ControlHandle,
    last: &PluginSettings,
    next: &PluginSettings,
) -> Result<Reloaded, ControlError> {
    let mut reloaded = Reloaded::default();
    let mut before = Vec::new();
    let metas: Vec<&Meta> = <C::Plugins as PluginSet>::metas().map(|(_, meta, _)| meta).collect();
    for meta in metas {
        let (old, new) = (last.whole_table(meta), next.whole_table(meta));
        if old == new {
            continue;
        }
        let plugin = meta.id.to_owned();
        if let Err(mut error) = control.run(Command::ReconfigurePlugin { plugin, config: new }).await {
            for (plugin, config) in before.into_iter().rev() {
                if let Err(stuck) = control.run(Command::ReconfigurePlugin { plugin, config }).await {
                    error.text = format!("{}; and can't go back: {stuck}; restart the worker", error.text);
                }
            }
            return Err(error);
        }
        before.push((meta.id.to_owned(), old));
        reloaded.plugins.push(meta.id.to_owned());
    }
    Ok(reloaded)
}

/// What differs of all that holds from the start to the end.
fn fixed(last: &WorkerConfig, next: &WorkerConfig) -> Vec<String> {
    let mut fixed = Vec::new();
    // Whoever adds a field decides here whether it can change.
    let WorkerConfig { workers, spread_at, http, rtc, plugins: _, open, signaling } = last;
    for (name, same) in [
        ("workers", *workers == next.workers),
        ("spread_at", *spread_at == next.spread_at),
        ("open", *open == next.open),
        ("http", *http == next.http),
        ("rtc", *rtc == next.rtc),
    ] {
        if !same {
            fixed.push(name.to_owned());
        }
    }
    let mut ids: Vec<&String> = signaling.keys().chain(next.signaling.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| signaling.get(*id) != next.signaling.get(*id));
    fixed.extend(ids.into_iter().map(|id| format!("signaling.{id}")));
    fixed
}

#[cfg(test)]
mod tests;
