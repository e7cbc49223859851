//! One hook call: contained, timed, and its faults noted.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Mode;
use crate::control::Target;
use crate::plugin::attach::Cell;
use crate::plugin::cx::{Cx, HookContext, Reading};
use crate::plugin::faults::{Fault, FaultKind, drop_contained, panic_text};
use crate::plugin::hooks::Hooks;
use crate::plugin::kind::Kind;
use crate::plugin::meta::OnPanic;
use crate::plugin::plugin_trait::Plugin;
use crate::plugin::slot::PluginSlot;
use crate::plugin::verdict::Verdict;

/// Calls a hot hook on a cell. `catch_unwind` inlines away, so an empty hook leaves nothing behind.
#[inline(always)]
pub(crate) fn hot<H: Plugin, K: Kind, M: Mode>(
    cell: &mut Cell<K::State<H>>,
    hook: Hooks,
    id: K,
    slot: PluginSlot,
    hx: &mut HookContext<'_>,
    call: impl FnOnce(&mut K::State<H>, &mut Cx<'_>) -> Verdict,
) -> Verdict {
    let verdict = match cell {
        Cell::On(state) => {
            let start = if M::TIMED { Some(hx.desk.hot_reading()) } else { None };
            let outcome = catch_unwind(AssertUnwindSafe(|| call(state, &mut hx.cx(slot))));
            if let Some(start) = start
                && !hx.desk.sampled(slot, start)
            {
                overran(hx, start, hook, slot, id.into());
            }
            match outcome {
                Ok(verdict) => verdict,
                Err(payload) => panicked::<H, K>(cell, hook, id, slot, hx, payload),
            }
        }
        // Only a guard blocks. Of others this need not be asked.
        Cell::Blocked if !matches!(H::META.on_panic, OnPanic::Forward) => Verdict::Drop,
        Cell::Blocked | Cell::Off => Verdict::Forward,
    };
    if verdict == Verdict::Drop {
        hx.desk.costs.dropped(slot);
    }
    verdict
}

#[cold]
#[inline(never)]
fn panicked<H: Plugin, K: Kind>(
    cell: &mut Cell<K::State<H>>,
    hook: Hooks,
    id: K,
    slot: PluginSlot,
    hx: &mut HookContext<'_>,
    payload: Box<dyn Any + Send>,
) -> Verdict {
    let close = fail::<H, K>(cell);
    let kind = FaultKind::Panic(panic_text(payload));
    hx.desk.faults.push(Fault { slot, hook, target: id.into(), kind, close });
    match H::META.on_panic {
        OnPanic::Forward => Verdict::Forward,
        OnPanic::Drop | OnPanic::Close => Verdict::Drop,
    }
}

/// Detaches a plugin that failed on an entity; whether the entity must be closed.
pub(crate) fn fail<H: Plugin, K: Kind>(cell: &mut Cell<K::State<H>>) -> bool {
    let guards = H::HOOKS.intersects(K::GUARDS);
    let on_panic = H::META.on_panic;
    // What must be closed is closed at the end of the turn: what comes until then is not let through either.
    let after = if guards && on_panic != OnPanic::Forward { Cell::Blocked } else { Cell::Off };
    drop_contained(std::mem::replace(cell, after));
    guards && on_panic == OnPanic::Close
}

/// A hook panicked; it was noted.
#[derive(Debug)]
pub(crate) struct Failed;

/// Calls a cold hook; always timed. What a panic means for an entity's cell is the caller's affair.
pub(crate) fn cold<T>(
    hook: Hooks,
    target: Target,
    close_on_panic: bool,
    slot: PluginSlot,
    hx: &mut HookContext<'_>,
    call: impl FnOnce(&mut Cx<'_>) -> T,
) -> Result<T, Failed> {
    let start = hx.desk.reading();
    let outcome = catch_unwind(AssertUnwindSafe(|| call(&mut hx.cx(slot))));
    overran(hx, start, hook, slot, target);
    outcome.map_err(|payload| {
        let kind = FaultKind::Panic(panic_text(payload));
        hx.desk.faults.push(Fault { slot, hook, target, kind, close: close_on_panic });
        Failed
    })
}

fn overran(hx: &mut HookContext<'_>, start: Reading, hook: Hooks, slot: PluginSlot, target: Target) {
    let took = hx.desk.reading().since(start);
    if took > hx.desk.slow {
        hx.desk.faults.push(Fault { slot, hook, target, kind: FaultKind::Slow(took), close: false });
    }
}
