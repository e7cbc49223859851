//! Where plugins are on: rules per level, of which the nearest wins.
use std::collections::HashMap;

use serde_json::Value;

use super::compose::PluginSet;
use super::config::PluginSettings;
use super::slot::PluginSlot;
use crate::control::{PluginSwitch, Target};

/// Rules of one plugin kept at the most, besides the configured one.
const MAX_RULES: usize = 65_536;

/// Whether a plugin is on somewhere, and its options there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting<'a> {
    /// On.
    pub on: bool,
    /// Its options; `null` for none.
    pub options: &'a Value,
    /// The level that decided.
    pub by: Target,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    on: bool,
    options: Value,
}

#[derive(Debug, Default)]
struct SlotRules {
    /// For the whole worker: by configuration, or by `#[plugin(off)]`.
    configured: Option<Rule>,
    /// By requests, at any level; at the worker's level they beat the configuration.
    requested: HashMap<Target, Rule>,
}

/// Where plugins are on.
///
/// The nearest level with a rule decides: the entity, its producer, its transport, its session, its router, the
/// worker. At the worker's level a request beats the configuration, and the configuration beats `#[plugin(off)]`.
#[derive(Debug, Default)]
pub struct Rules {
    slots: Vec<SlotRules>,
}

static NO_OPTIONS: Value = Value::Null;

impl Rules {
    /// The rules that configuration and `#[plugin(off)]` make.
    pub fn configured<S: PluginSet>(settings: &PluginSettings) -> Self {
        let mut slots: Vec<SlotRules> = Vec::new();
        slots.resize_with(S::LEN, SlotRules::default);
        let mut rules = Rules { slots };
        rules.reconfigure::<S>(settings);
        rules
    }

    /// Takes over a new configuration; rules made by requests stay.
    pub fn reconfigure<S: PluginSet>(&mut self, settings: &PluginSettings) {
        for (slot, meta, _) in S::metas() {
            let on = settings.enabled(meta.id).unwrap_or(!meta.off_by_default);
            if let Some(rules) = self.slots.get_mut(slot.index()) {
                rules.configured = Some(Rule { on, options: settings.options(meta.id) });
            }
        }
    }

    /// What the configuration says of a plugin: whether it is on without a request, and with which options.
    pub fn configuration(&self, slot: PluginSlot) -> (bool, Value) {
        let rule = self.slots.get(slot.index()).and_then(|rules| rules.configured.as_ref());
        rule.map_or((false, Value::Null), |rule| (rule.on, rule.options.clone()))
    }

    /// The configuration now says this of a plugin. Whether other options hold where it decides for the whole worker.
    pub fn configure(&mut self, slot: PluginSlot, on: bool, options: Value) -> bool {
        let Some(rules) = self.slots.get_mut(slot.index()) else { return false };
        let before = rules.configured.replace(Rule { on, options });
        let changed = before.map(|rule| rule.options) != rules.configured.as_ref().map(|r| r.options.clone());
        changed && !rules.requested.contains_key(&Target::Worker)
    }

    /// Whether a plugin is on for the entity whose lineage this is.
    pub fn resolve(&self, slot: PluginSlot, lineage: &[Target]) -> Setting<'_> {
        let off = Setting { on: false, options: &NO_OPTIONS, by: Target::Worker };
        let Some(rules) = self.slots.get(slot.index()) else { return off };
        let requested = lineage.iter().find_map(|by| rules.requested.get(by).map(|rule| (rule, *by)));
        match requested.or(rules.configured.as_ref().map(|rule| (rule, Target::Worker))) {
            Some((rule, by)) => Setting { on: rule.on, options: &rule.options, by },
            None => off,
        }
    }

    /// Whether a plugin is on for the whole worker, and how many targets below it have a rule of their own.
    pub fn summary(&self, slot: PluginSlot) -> PluginSwitch {
        let on = self.resolve(slot, &[Target::Worker]).on;
        let requested = self.slots.get(slot.index()).map(|rules| &rules.requested);
        let targets = requested.map_or(0, |all| all.keys().filter(|at| **at != Target::Worker).count());
        PluginSwitch { on, targets: targets as u64 }
    }

    /// What requests said of a plugin at a target itself: whether it is on, and its options.
    pub fn requested(&self, slot: PluginSlot, target: Target) -> Option<(bool, &Value)> {
        let rule = self.slots.get(slot.index())?.requested.get(&target)?;
        Some((rule.on, &rule.options))
    }

    /// A request switches a plugin on or off at a target. `false`: too many rules.
    pub fn set(&mut self, slot: PluginSlot, target: Target, on: bool, options: Value) -> bool {
        let Some(rules) = self.slots.get_mut(slot.index()) else { return false };
        if rules.requested.len() >= MAX_RULES && !rules.requested.contains_key(&target) {
            return false;
        }
        rules.requested.insert(target, Rule { on, options });
        true
    }

    /// An entity is gone.
    pub fn forget(&mut self, target: Target) {
        for rules in &mut self.slots {
            if !rules.requested.is_empty() {
                rules.requested.remove(&target);
            }
        }
    }
}
