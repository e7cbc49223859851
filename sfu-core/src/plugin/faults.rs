//! What is done about a plugin that panics or is slow.
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::hooks::Hooks;
use super::slot::PluginSlot;
use crate::control::{PluginFaults, Target};

/// Faults kept between two looks at them.
const KEPT: usize = 64;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// The hook panicked with this text.
    Panic(String),
    /// The hook took so long.
    Slow(Duration),
}

/// One fault of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The plugin.
    pub slot: PluginSlot,
    /// The hook.
    pub hook: Hooks,
    /// What the hook was about; `Worker` for hooks that are about no entity.
    pub target: Target,
    /// What went wrong.
    pub kind: FaultKind,
    /// The entity must be closed: the plugin guarded it, and its `on_panic` is `close`.
    pub close: bool,
}

/// Faults that were noted and not yet looked at.
#[derive(Debug, Default)]
pub struct FaultLog {
    faults: Vec<Fault>,
    /// How many more there were than are kept: panics and overruns of each plugin.
    lost: BTreeMap<PluginSlot, [u64; 2]>,
}

impl FaultLog {
    /// Whether there are none: one test per turn.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// All faults since the last call, and how many more were not kept: panics and overruns of each plugin.
    pub fn take(&mut self) -> (Vec<Fault>, BTreeMap<PluginSlot, [u64; 2]>) {
        (std::mem::take(&mut self.faults), std::mem::take(&mut self.lost))
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        // What must be closed is never lost.
        if self.faults.len() < KEPT || fault.close {
            self.faults.push(fault);
        } else {
            let [panics, overruns] = self.lost.entry(fault.slot).or_default();
            *if matches!(fault.kind, FaultKind::Panic(_)) { panics } else { overruns } += 1;
        }
    }
}

/// The text of a panic. The payload's own drop may panic: it is contained.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without text".to_owned()
    };
    drop_contained(payload);
    text
}

/// Drops a value of a plugin; a panic in its drop ends here.
pub(crate) fn drop_contained<T>(value: T) {
    let mut result = catch_unwind(AssertUnwindSafe(|| drop(value)));
    // A payload whose drop panics with a payload whose drop panics …: after a few, leak it.
    for _ in 0..3 {
        match result {
            Ok(()) => return,
            Err(payload) => result = catch_unwind(AssertUnwindSafe(|| drop(payload))),
        }
    }
    std::mem::forget(result);
}

/// How much a plugin is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPolicy {
    /// Panics within `window_seconds` after which the plugin is rebuilt, and as many again after which it is
    /// quarantined.
    pub panics: u16,
    /// Seconds in which panics count together.
    pub window_seconds: u16,
    /// Milliseconds that a hook may take.
    pub slow_ms: u16,
    /// Overruns over one entity after which the plugin is detached from it; over none (`tick`, `message` and the like), after
    /// which it is quarantined. 0: never.
    pub overruns: u16,
}

impl Default for FaultPolicy {
    fn default() -> Self {
        FaultPolicy { panics: 3, window_seconds: 60, slow_ms: 5, overruns: 10 }
    }
}

impl FaultPolicy {
    /// How long a hook may take.
    pub fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms.into())
    }
}

/// What is done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is named.
    Named,
    /// The plugin is off for this entity.
    Detached,
    /// The plugin is made anew.
    Rebuilt,
    /// No hook of it is called again.
    Quarantined,
}

impl Step {
    /// As in `EventBody::PluginFault`.
    pub fn name(self) -> &'static str {
        match self {
            Step::Named => "slow",
            Step::Detached => "detached",
            Step::Rebuilt => "rebuilt",
            Step::Quarantined => "quarantined",
        }
    }
}

/// One plugin's record.
#[derive(Debug, Default, Clone)]
pub struct Record {
    /// For statistics.
    pub figures: PluginFaults,
    panics: Vec<Instant>,
    rebuilt: bool,
    /// By what the hooks were about.
    overruns: HashMap<Target, u16>,
}

impl Record {
    /// Notes a fault of a hook about `target`; says what is to be done.
    pub fn note(&mut self, fault: &FaultKind, target: Target, now: Instant, policy: &FaultPolicy) -> Step {
        match fault {
            FaultKind::Slow(_) => {
                let overruns = self.overruns.entry(target).or_default();
                *overruns = overruns.saturating_add(1);
                if policy.overruns == 0 || *overruns < policy.overruns {
                    return Step::Named;
                }
                self.overruns.remove(&target);
                if target == Target::Worker { Step::Quarantined } else { Step::Detached }
            }
            FaultKind::Panic(_) => {
                let window = Duration::from_secs(policy.window_seconds.into());
                self.panics.retain(|at| now.saturating_duration_since(*at) < window);
                self.panics.push(now);
                if self.panics.len() < usize::from(policy.panics.max(1)) {
                    return Step::Detached;
                }
                self.panics.clear();
                if std::mem::replace(&mut self.rebuilt, true) { Step::Quarantined } else { Step::Rebuilt }
            }
        }
    }
}

impl Record {
    /// An entity is gone.
    pub fn forget(&mut self, target: Target) {
        if !self.overruns.is_empty() {
            self.overruns.remove(&target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, RawId};

    #[test]
    fn three_panics_within_a_minute_rebuild_and_three_more_quarantine() {
        let (mut record, policy, start) = (Record::default(), FaultPolicy::default(), Instant::now());
        let panic = FaultKind::Panic(String::new());
        let at = |s| start + Duration::from_secs(s);
        let steps: Vec<Step> =
            [0, 61, 62, 63, 64, 65, 66].map(|s| record.note(&panic, Target::Worker, at(s), &policy)).into();
        use Step::{Detached as D, Quarantined as Q, Rebuilt as R};
        assert_eq!(steps, [D, D, D, R, D, D, Q]);
    }

    #[test]
    fn the_tenth_overrun_is_one_too_many() {
        let (mut record, policy, now) = (Record::default(), FaultPolicy::default(), Instant::now());
        let slow = FaultKind::Slow(Duration::from_millis(6));
        let mut steps =
            |target| -> Vec<Step> { (0..10).map(|_| record.note(&slow, target, now, &policy)).collect() };
        let [one, other] = [1, 2].map(|n| Target::Producer(EntityId::from_raw(RawId::new(0, n, 0))));
        for (target, last) in [
            (Target::Worker, Step::Quarantined),
            (one, Step::Detached),
            (other, Step::Detached),
            (one, Step::Detached),
        ] {
            let steps = steps(target);
            assert_eq!(steps.iter().filter(|s| **s == Step::Named).count(), 9);
            assert_eq!(steps[9], last);
        }
        for _ in 0..20 {
            assert_eq!(record.note(&slow, one, now, &policy), Step::Named);
            record.forget(one);
        }
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut log = FaultLog::default();
        let (slot, target, hook) = (PluginSlot::new(1), Target::Worker, Hooks::TICK);
        for n in 0..KEPT + 5 {
            let kind =
                if n % 2 == 0 { FaultKind::Panic("x".into()) } else { FaultKind::Slow(Duration::ZERO) };
            log.push(Fault { slot, hook, target, kind, close: false });
        }
        let (kept, lost) = log.take();
        assert_eq!((kept.len(), lost), (KEPT, BTreeMap::from([(slot, [3, 2])])));
    }

    #[test]
    fn a_value_whose_drop_panics_harms_nobody() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                std::panic::panic_any(Worse);
            }
        }
        struct Worse;
        impl Drop for Worse {
            fn drop(&mut self) {
                panic!("worse");
            }
        }
        drop_contained(Bad);
    }
}
