//! The life of the first plugin's instance: its clock, its configuration, its figures, its end.
use serde_json::Value;

use super::entity::fail_cell;
use super::entry::parse_config;
use super::*;
use crate::plugin::faults::drop_contained;
use crate::plugin::kind::for_each_kind;
use crate::plugin::plugin_trait::Plugin;
use crate::plugin::rows::{First, Rows};
use crate::plugin::stats::Stats;

impl<H: Plugin, T: PluginSet> Cons<H, T> {
    /// What the first plugin's quarantine is answered with.
    pub(super) fn quarantined() -> String {
        format!("plugins.{}: quarantined after repeated faults", H::META.id)
    }

    /// Ticks, if it is time.
    pub(super) fn tick_head<R: RowSource<Self>>(&mut self, rows: &mut R, hx: &mut HookContext<'_>) {
        if self.has(Hooks::TICK) {
            let woken = hx.desk.wakes.at(Self::SLOT).is_some_and(|at| at <= hx.now);
            let due = self.head.next_tick <= hx.now;
            if due {
                self.head.next_tick = hx.now + H::META.tick;
            }
            if woken || due {
                if woken {
                    hx.desk.wakes.clear(Self::SLOT);
                }
                let plugin = &mut self.head.plugin;
                let _ = cold(Hooks::TICK, Target::Worker, false, Self::SLOT, hx, |cx| {
                    plugin.tick(&mut Rows::new(&mut First::of(rows)), cx);
                });
            }
        }
    }

    pub(super) fn stats_head<R: RowSource<Self>>(
        &mut self,
        at: Target,
        rows: &mut R,
        hx: &mut HookContext<'_>,
        put: &mut dyn FnMut(&'static str, Value),
    ) {
        if self.has(Hooks::STATS) {
            let plugin = &self.head.plugin;
            let figures = cold(Hooks::STATS, Target::Worker, false, Self::SLOT, hx, |cx| {
                let mut figures = Stats::new(cx.worker());
                plugin.stats(at, &Rows::new(&mut First::of(rows)), &mut figures);
                figures
            });
            if let Ok(figures) = figures
                && !figures.is_empty()
            {
                put(H::META.id, figures.into_value());
            }
        }
    }

    pub(super) fn reconfigure_head(
        &mut self,
        config: Value,
        hx: &mut HookContext<'_>,
    ) -> Result<Value, Error> {
        let place = format!("plugins.{}", H::META.id);
        if self.head.quarantined {
            return Err(Error::new(Self::quarantined()));
        }
        let typed = parse_config::<H>(&config)?;
        if !H::HOOKS.contains(Hooks::RECONFIGURE) {
            // `enabled` and `options` are the core's: with these alone it need not be asked.
            let text =
                "takes its configuration only when it starts; write it to the file and restart the worker";
            return if config == self.head.config { Ok(config) } else { Err(Error::at(place, text)) };
        }
        let plugin = &mut self.head.plugin;
        match cold(Hooks::RECONFIGURE, Target::Worker, false, Self::SLOT, hx, |cx| {
            plugin.reconfigure(typed, cx)
        }) {
            Ok(Ok(())) => Ok(std::mem::replace(&mut self.head.config, config)),
            Ok(Err(error)) => Err(error.or_at(&place)),
            Err(Failed) => Err(Error::at(place, "panicked over its new configuration")),
        }
    }

    pub(super) fn rebuild_head<R: RowSource<Self>>(
        &mut self,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) -> Result<(), Error> {
        hx.desk.queue.forget(Self::SLOT);
        hx.desk.wakes.clear(Self::SLOT);
        // Without a new instance the states stay, by which quarantine knows what was guarded.
        self.head.rebuild()?;
        for_each_kind!(K => { Self::sweep::<K, R>(rows, |_, cell| drop_contained(std::mem::take(cell))); });
        Ok(())
    }

    pub(super) fn quarantine_head<R: RowSource<Self>>(
        &mut self,
        rows: &mut R,
        close: &mut dyn FnMut(Target),
    ) {
        self.head.quarantine();
        for_each_kind!(K => {
            Self::sweep::<K, R>(rows, |id, cell| {
                if cell.state().is_some() && fail_cell::<H, K>(id, cell) {
                    close(id.into());
                }
            });
        });
    }
}
