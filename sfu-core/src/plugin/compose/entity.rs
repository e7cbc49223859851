//! What happens to the first plugin's cells.
use super::entry::parse_options;
use super::guard::fail;
use super::*;
use crate::plugin::attach::Cell;
use crate::plugin::faults::drop_contained;
use crate::plugin::info::Info;
use crate::plugin::kind::with_target;
use crate::plugin::meta::OnPanic;
use crate::plugin::plugin_trait::Plugin;

/// Detaches a plugin that failed on an entity; whether the entity must be closed.
pub(super) fn fail_cell<H: Plugin, K: Kind>(_: K, cell: &mut Cell<K::State<H>>) -> bool {
    fail::<H, K>(cell)
}

impl<H: Plugin, T: PluginSet> Cons<H, T> {
    /// The entity that a failed hook was about loses the plugin; whether it must be closed.
    pub(super) fn detach<R: RowSource<Self>>(target: Target, rows: &mut R) -> bool {
        with_target!(
            target,
            id => rows
                .row_mut(id)
                .is_some_and(|row| row.0.state().is_some() && fail_cell::<H, _>(id, &mut row.0)),
            false
        )
    }

    pub(super) fn closes_kind<K: Kind>(_: K) -> bool {
        Self::closes::<K>()
    }

    /// Whether a failed hook closes the entity of that kind.
    pub(super) fn closes<K: Kind>() -> bool {
        H::HOOKS.intersects(K::GUARDS) && H::META.on_panic == OnPanic::Close
    }

    pub(super) fn open_head<K: Kind>(
        &mut self,
        id: K,
        cell: &mut Cell<K::State<H>>,
        opening: &Opening<'_>,
        hx: &mut HookContext<'_>,
    ) -> Result<(), Refused> {
        let setting = opening.rules.resolve(Self::SLOT, opening.lineage);
        if !setting.on {
            return Ok(());
        }
        if self.head.quarantined {
            // What it would guard goes the way that `on_panic` says.
            if fail_cell::<H, K>(id, cell) {
                let refusal = Refusal::new("quarantined after repeated faults");
                return Err(Refused { plugin: H::META.id, refusal });
            }
            return Ok(());
        }
        let Some(view) = K::view(hx.view, id) else { return Ok(()) };
        let info = Info::new(view, opening.late);
        let options = match parse_options::<H>(setting.options) {
            Ok(options) => options,
            Err(error) => {
                // Options are checked where they are given; a plugin with wrong ones stays off.
                tracing::error!("{error}");
                return Ok(());
            }
        };
        let plugin = &mut self.head.plugin;
        let attach = cold(K::OPENED, id.into(), Self::closes::<K>(), Self::SLOT, hx, |cx| {
            K::opened(plugin, &info, &options, cx)
        });
        match attach {
            Ok(Attach::On(state)) => *cell = Cell::On(state),
            Ok(Attach::Off) => *cell = Cell::Off,
            Ok(Attach::Refuse(refusal)) => {
                *cell = Cell::Off;
                return Err(Refused { plugin: H::META.id, refusal });
            }
            Err(Failed) => {
                fail_cell::<H, K>(id, cell);
            }
        }
        Ok(())
    }

    pub(super) fn close_head<K: Kind>(
        &mut self,
        id: K,
        cell: &mut Cell<K::State<H>>,
        hx: &mut HookContext<'_>,
    ) {
        let Some(state) = cell.take() else { return };
        if H::HOOKS.contains(K::CLOSED) && !self.head.quarantined {
            let plugin = &mut self.head.plugin;
            // The entity is closed or unguarded on purpose: a panic here has no further consequence for it.
            let _ = cold(K::CLOSED, id.into(), false, Self::SLOT, hx, |cx| {
                K::closed(plugin, id, state, cx);
            });
        } else {
            drop_contained(state);
        }
    }

    /// Visits the first plugin's cells of one kind.
    pub(super) fn sweep<K: Kind, R: RowSource<Self>>(
        rows: &mut R,
        mut visit: impl FnMut(K, &mut Cell<K::State<H>>),
    ) {
        let mut from = 0;
        while let Some(id) = rows.next::<K>(from) {
            from = id.raw().index() + 1;
            if let Some(row) = rows.row_mut(id) {
                visit(id, &mut row.0);
            }
        }
    }
}
