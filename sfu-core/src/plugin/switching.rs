//! Switching plugins on and off while a worker runs, and asking them.
use serde_json::Value;

use super::commands::Ask;
use super::compose::{PluginSet, Refused};
use super::config::PluginSettings;
use super::cx::HookContext;
use super::error::Error;
use super::kind::{Kind, for_each_kind};
use super::outcomes::OutcomeSender;
use super::plugins::{Moment, Plugins};
use super::responder::Responder;
use super::slot::PluginSlot;
use super::view::View;
use crate::control::{
    Command, ConsumerId, ControlError, DataConsumerId, DataProducerId, PluginRule, ProducerId, RouterId,
    SessionId, Target, TransportId,
};

/// What came of switching a plugin on or off.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Switched {
    /// Entities that it is on for now and was not before.
    pub opened: usize,
    /// Entities that it is off for now, or on anew with other options.
    pub closed: usize,
    /// Entities that it wanted to refuse; it stays off for them.
    pub refused: Vec<Refused>,
}

impl<S: PluginSet> Plugins<S> {
    /// Switches a plugin on for a target and all below it, now and later.
    pub fn enable(
        &mut self,
        plugin: &str,
        target: Target,
        options: Value,
        m: Moment<'_>,
    ) -> Result<Switched, Error> {
        let slot = S::slot_of(plugin)?;
        S::check_options(slot, &options)?;
        self.switch(slot, target, true, options, m)
    }

    /// Switches a plugin off for a target and all below it, now and later.
    pub fn disable(&mut self, plugin: &str, target: Target, m: Moment<'_>) -> Result<Switched, Error> {
        let slot = S::slot_of(plugin)?;
        self.switch(slot, target, false, Value::Null, m)
    }

    fn switch(
        &mut self,
        slot: PluginSlot,
        target: Target,
        on: bool,
        options: Value,
        m: Moment<'_>,
    ) -> Result<Switched, Error> {
        if !View::new(m.view).exists(target) {
            return Err(Error::at("plugins", format!("there is no such target as {target:?}")));
        }
        let renew = !options.is_null();
        if !self.rules.set(slot, target, on, options) {
            return Err(Error::at("plugins", "too many settings; switch off at a higher level instead"));
        }
        Ok(self.follow_rules(slot, target, renew, m))
    }

    /// What requests said of plugins at a target itself.
    pub(crate) fn rules_at(&self, target: Target) -> Vec<PluginRule> {
        let rules = S::metas().filter_map(|(slot, meta, _)| {
            let (on, options) = self.rules.requested(slot, target)?;
            Some(PluginRule { plugin: meta.id.to_owned(), on, options: options.clone() })
        });
        rules.collect()
    }

    /// Takes over what requests said of plugins at another thread's part of a target.
    pub(crate) fn take_rules(&mut self, target: Target, rules: &[PluginRule], m: Moment<'_>) {
        for PluginRule { plugin, on, options } in rules {
            let Ok(slot) = S::slot_of(plugin) else { continue };
            if self.rules.requested(slot, target) != Some((*on, options)) {
                // Where it fails there are too many rules: the plugin is as the worker has it.
                let _ = self.switch(slot, target, *on, options.clone(), m);
            }
        }
    }

    /// Attaches and detaches a plugin at a target and below as its settings now say. `renew`: those of the target have
    /// other options than before.
    fn follow_rules(&mut self, slot: PluginSlot, target: Target, renew: bool, m: Moment<'_>) -> Switched {
        let mut switched = Switched::default();
        // Children first.
        macro_rules! close { ($($Id:ident)*) => {$(
            switched.closed += self.close_below::<$Id>(slot, target, renew, m);
        )*} }
        close!(DataConsumerId DataProducerId ConsumerId ProducerId TransportId RouterId SessionId);
        self.open_below(slot, target, &mut switched, m);
        switched
    }

    /// A new configuration for one plugin: its table, as in the file. Answers the one before, with all of the core's fields.
    pub fn reconfigure(&mut self, plugin: &str, table: Value, m: Moment<'_>) -> Result<Value, Error> {
        let slot = S::slot_of(plugin)?;
        let settings = PluginSettings::of(plugin, table)?;
        settings.check::<S>()?;
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        let own = self.set.reconfigure(slot, settings.config(plugin), hx)?;
        let (on, options) = self.rules.configuration(slot);
        let before = PluginSettings::table(own, on, options.clone());
        let on = settings.enabled(plugin).unwrap_or(on);
        let options = settings.given_options(plugin).unwrap_or(options);
        let renew = self.rules.configure(slot, on, options);
        self.follow_rules(slot, Target::Worker, renew, m);
        Ok(before)
    }

    /// Detaches a plugin where it is on and should not be, or where it gets other options.
    fn close_below<K: Kind>(
        &mut self,
        slot: PluginSlot,
        target: Target,
        renew: bool,
        m: Moment<'_>,
    ) -> usize {
        let mut closed = 0;
        for id in View::new(m.view).below::<K>(target) {
            if K::table(&self.tables).mask(id) & slot.bit() == 0 {
                continue;
            }
            let setting = self.rules.resolve(slot, &View::new(m.view).lineage(id.into()));
            // The rule of this target is the new one: attached states may have been made with other options.
            let renewed = setting.by == target && renew;
            if !setting.on || renewed {
                self.close::<K>(id, Some(slot), m);
                closed += 1;
            }
        }
        closed
    }

    /// Attaches a plugin where its settings say so and it isn't; parents first.
    pub(super) fn open_below(
        &mut self,
        slot: PluginSlot,
        target: Target,
        switched: &mut Switched,
        m: Moment<'_>,
    ) {
        for_each_kind!(K => {
            for id in View::new(m.view).below::<K>(target) {
                let before = K::table(&self.tables).mask(id) & slot.bit();
                match self.open::<K>(id, Some(slot), true, m) {
                    Ok(()) if K::table(&self.tables).mask(id) & slot.bit() != before => switched.opened += 1,
                    Ok(()) => {}
                    Err(refused) => switched.refused.push(refused),
                }
            }
        });
    }

    /// A question of one plugin to another. One that is not for this media thread comes back as a command,
    /// to be sent through the control handle, with where its outcome goes.
    pub fn ask(
        &mut self,
        by: PluginSlot,
        ask: Ask,
        tag: u64,
        m: Moment<'_>,
    ) -> Option<(Command, OutcomeSender)> {
        let outcome = self.outcomes.sender(by, tag);
        let Ask { plugin, target, body } = ask;
        let here = target.worker() == Some(self.worker);
        let slot = match S::slot_of(&plugin) {
            Ok(slot) if here => slot,
            Ok(_) => return Some((Command::PluginRequest { plugin, target, body }, outcome)),
            Err(error) => {
                outcome.send(Err(ControlError::unsupported(error.to_string())));
                return None;
            }
        };
        self.request_by(slot, target, body, outcome, m);
        None
    }

    fn request_by(
        &mut self,
        slot: PluginSlot,
        target: Target,
        body: Value,
        outcome: OutcomeSender,
        m: Moment<'_>,
    ) {
        let id = S::meta(slot).map_or("", |meta| meta.id);
        let re = Responder::new(id, move |answer| outcome.send(answer.into_reply()));
        self.request_of(slot, target, body, re, m);
    }

    /// A request that a plugin made by a command; the outcome is what the asked plugin answers, now or later.
    pub fn request_for(
        &mut self,
        plugin: &str,
        target: Target,
        body: Value,
        outcome: OutcomeSender,
        m: Moment<'_>,
    ) {
        match S::slot_of(plugin) {
            Ok(slot) => self.request_by(slot, target, body, outcome, m),
            Err(error) => outcome.send(Err(ControlError::unsupported(error.to_string()))),
        }
    }

    /// Where the outcome of a plugin's command goes.
    pub fn outcome(&self, by: PluginSlot, tag: u64) -> OutcomeSender {
        self.outcomes.sender(by, tag)
    }
}
