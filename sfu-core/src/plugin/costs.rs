//! What the hot hooks of plugins cost, by samples, and what they dropped.
use std::time::Duration;

use super::slot::PluginSlot;
use crate::control::PluginCost;

/// What the hot hooks of each plugin cost: taken down in some turns, each of which stands for several. Drops are counted in all.
#[derive(Debug)]
pub struct Costs {
    /// How many turns this one stands for; 0 when nothing is taken down.
    weight: u32,
    costs: [PluginCost; PluginSlot::MAX],
}

impl Default for Costs {
    fn default() -> Self {
        Costs { weight: 0, costs: [PluginCost::default(); PluginSlot::MAX] }
    }
}

impl Costs {
    /// From now on calls stand for `weight` each; with 0 none is taken down.
    pub fn sample(&mut self, weight: u32) {
        self.weight = weight;
    }

    /// Whether calls are taken down.
    #[inline]
    pub fn is_sampling(&self) -> bool {
        self.weight != 0
    }

    /// Takes down a call.
    pub(crate) fn add(&mut self, slot: PluginSlot, took: Duration) {
        if let Some(cost) = self.costs.get_mut(slot.index()) {
            let weight = u64::from(self.weight);
            let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            cost.calls = cost.calls.saturating_add(weight);
            cost.nanoseconds = cost.nanoseconds.saturating_add(nanoseconds.saturating_mul(weight));
        }
    }

    /// A hook of the plugin dropped something: out of line, so that the rule costs no more than a test.
    #[cold]
    #[inline(never)]
    pub(crate) fn dropped(&mut self, slot: PluginSlot) {
        if let Some(cost) = self.costs.get_mut(slot.index()) {
            cost.dropped = cost.dropped.saturating_add(1);
        }
    }

    /// What a plugin cost so far.
    pub(crate) fn of(&self, slot: PluginSlot) -> PluginCost {
        self.costs.get(slot.index()).copied().unwrap_or_default()
    }
}
