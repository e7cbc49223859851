//! What is done about plugins' faults.
use super::compose::PluginSet;
use super::cx::HookContext;
use super::error::Error;
use super::faults::{Fault, FaultKind, Step};
use super::hooks::Hooks;
use super::kind::{Kind, for_each_kind, with_target};
use super::plugins::{Moment, Plugins};
use super::slot::PluginSlot;
use super::switching::Switched;
use super::view::View;
use crate::control::{Event, EventBody, Target};

/// What the shell has to do after faults.
#[derive(Debug, Default)]
pub struct Settled {
    /// Events to tell everybody: the plugin's slot where its fellow plugins hear it too.
    pub events: Vec<(Event, Option<PluginSlot>)>,
    /// Entities to close: their guard failed, and its `on_panic` is `close`.
    pub close: Vec<Target>,
}

impl<S: PluginSet> Plugins<S> {
    /// Whether there are faults to settle: one test per turn.
    #[inline]
    pub fn has_faults(&self) -> bool {
        !self.desk.faults.is_empty()
    }

    /// Does what must be done about faults since the last call: detached plugins' masks, rebuilding, quarantine.
    #[cold]
    pub fn settle(&mut self, m: Moment<'_>) -> Settled {
        let mut settled = Settled::default();
        let (faults, lost) = self.desk.faults.take();
        for fault in faults {
            self.settle_one(fault, m, &mut settled);
        }
        for (slot, [panics, overruns]) in lost {
            let id = S::meta(slot).map_or("", |meta| meta.id);
            tracing::error!(
                plugin = id,
                "{panics} panics and {overruns} overruns more, not looked at one by one"
            );
            if let Some(record) = self.records.get_mut(slot.index()) {
                record.figures.panics += panics;
                record.figures.overruns += overruns;
            }
        }
        settled
    }

    fn settle_one(&mut self, fault: Fault, m: Moment<'_>, settled: &mut Settled) {
        let Fault { slot, hook, target, kind, close } = fault;
        let (Some(meta), Some(record)) = (S::meta(slot), self.records.get_mut(slot.index())) else { return };
        let is_slow = matches!(kind, FaultKind::Slow(_));
        *if is_slow { &mut record.figures.overruns } else { &mut record.figures.panics } += 1;
        let tables = &mut self.tables;
        with_target!(target, id => Kind::table_mut(tables).sync(id), ());
        if close {
            settled.close.push(target);
        }
        if self.set.is_quarantined(slot) {
            return;
        }
        // What is gone meanwhile has no record to keep.
        let step = if is_slow && !View::new(m.view).exists(target) {
            Step::Named
        } else {
            record.note(&kind, target, m.now, &self.policy)
        };
        let text = match &kind {
            FaultKind::Panic(text) => format!("`{hook}` panicked: {text}"),
            FaultKind::Slow(took) => format!("`{hook}` took {} ms", took.as_millis()),
        };
        tracing::error!(plugin = meta.id, ?target, step = step.name(), "{text}");
        let mut name = step.name();
        let mut told = (target, text);
        match step {
            Step::Named => {}
            Step::Detached if target == Target::Worker => name = "panicked",
            Step::Detached => {
                record.figures.detached += 1;
                if is_slow {
                    self.detach(slot, target, &mut settled.close);
                }
            }
            Step::Rebuilt => {
                told.0 = Target::Worker;
                if let Err(error) = self.rebuild(slot, m) {
                    name = Step::Quarantined.name();
                    told.1 = format!("{}; {error}", told.1);
                    self.quarantine(slot, &mut settled.close);
                }
            }
            Step::Quarantined => {
                told.0 = Target::Worker;
                self.quarantine(slot, &mut settled.close);
            }
        }
        let (target, text) = told;
        let body = EventBody::PluginFault { plugin: meta.id.to_owned(), step: name.to_owned(), text };
        // Two plugins that take too long to hear of each other's slowness would go round for ever.
        let is_heard = !(is_slow && hook == Hooks::EVENT);
        settled.events.push((Event { target, body }, is_heard.then_some(slot)));
    }

    /// Detaches a plugin from one entity, without asking it.
    fn detach(&mut self, slot: PluginSlot, target: Target, close: &mut Vec<Target>) {
        if S::detach_from(slot, target, &mut self.tables) {
            close.push(target);
        }
        let tables = &mut self.tables;
        with_target!(target, id => Kind::table_mut(tables).sync(id), ());
    }

    /// Makes a plugin anew, and switches it on again wherever its settings say so.
    fn rebuild(&mut self, slot: PluginSlot, m: Moment<'_>) -> Result<(), Error> {
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        let outcome = self.set.rebuild(slot, &mut self.tables, hx);
        self.sync_all();
        outcome?;
        if let Some(record) = self.records.get_mut(slot.index()) {
            record.figures.rebuilt += 1;
        }
        self.open_below(slot, Target::Worker, &mut Switched::default(), m);
        Ok(())
    }

    /// Drops a plugin's states; no hook of it is called again.
    pub fn quarantine(&mut self, slot: PluginSlot, close: &mut Vec<Target>) {
        if let Some(record) = self.records.get_mut(slot.index()) {
            record.figures.quarantined += 1;
        }
        self.desk.queue.forget(slot);
        self.set.quarantine(slot, &mut self.tables, &mut |target| close.push(target));
        self.sync_all();
    }

    fn sync_all(&mut self) {
        for_each_kind!(K => { K::table_mut(&mut self.tables).sync_all(); });
    }
}
