//! All states of one plugin, by typed id.
use std::marker::PhantomData;

use super::compose::{Cons, PluginSet};
use super::kind::Kind;
use super::plugin_trait::Plugin;
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, ProducerId, RouterId, SessionId, TransportId,
};

/// The states that a plugin keeps on this media thread, for all entities that it is on for.
///
/// The kind of the id chooses the kind of state: `rows.get_mut(producer_id)`, `rows.iter::<ConsumerId>()`.
pub struct Rows<'a, P: Plugin>(&'a mut (dyn PluginRows<P> + 'a));

impl<'a, P: Plugin> Rows<'a, P> {
    pub(crate) fn new(rows: &'a mut (dyn PluginRows<P> + 'a)) -> Self {
        Rows(rows)
    }

    /// The state of one entity, where the plugin is on.
    pub fn get<K: Kind>(&self, id: K) -> Option<&K::State<P>> {
        K::rows(&*self.0).state(id)
    }

    /// The state of one entity, where the plugin is on.
    pub fn get_mut<K: Kind>(&mut self, id: K) -> Option<&mut K::State<P>> {
        K::rows_mut(&mut *self.0).state_mut(id)
    }

    /// All entities of one kind that the plugin is on for, with their states.
    pub fn iter<K: Kind>(&self) -> impl Iterator<Item = (K, &K::State<P>)> {
        let rows = K::rows(&*self.0);
        let mut from = 0;
        std::iter::from_fn(move || {
            let id = rows.next_on(from)?;
            from = id.raw().index() + 1;
            Some((id, rows.state(id)?))
        })
    }

    /// Calls `each` for all entities of one kind that the plugin is on for: `rows.for_each(|id: ProducerId, st| …)`.
    pub fn for_each<K: Kind>(&mut self, mut each: impl FnMut(K, &mut K::State<P>)) {
        let rows = K::rows_mut(&mut *self.0);
        let mut from = 0;
        while let Some(id) = rows.next_on(from) {
            from = id.raw().index() + 1;
            if let Some(state) = rows.state_mut(id) {
                each(id, state);
            }
        }
    }
}

/// One plugin's states of one kind.
pub trait KindRows<P: Plugin, K: Kind> {
    /// One state.
    fn state(&self, id: K) -> Option<&K::State<P>>;
    /// One state.
    fn state_mut(&mut self, id: K) -> Option<&mut K::State<P>>;
    /// The first entity at or after a place for which the plugin is on.
    fn next_on(&self, from: usize) -> Option<K>;
}

/// One plugin's states of all kinds.
pub trait PluginRows<P: Plugin>:
    KindRows<P, SessionId>
    + KindRows<P, RouterId>
    + KindRows<P, TransportId>
    + KindRows<P, ProducerId>
    + KindRows<P, ConsumerId>
    + KindRows<P, DataProducerId>
    + KindRows<P, DataConsumerId>
{
}

/// Where the rows of a plugin set can be found: the tables, or the tail of those of a longer set.
pub trait RowSource<S: PluginSet> {
    /// One row.
    fn row<K: Kind>(&self, id: K) -> Option<&S::Row<K>>;
    /// One row.
    fn row_mut<K: Kind>(&mut self, id: K) -> Option<&mut S::Row<K>>;
    /// The first live entity at or after a place.
    fn next<K: Kind>(&self, from: usize) -> Option<K>;
}

/// The rows of all plugins after the first.
pub struct Tail<'a, R, H>(&'a mut R, PhantomData<H>);

impl<'a, R, H> Tail<'a, R, H> {
    /// Leaves out the first plugin's cells.
    pub fn of(rows: &'a mut R) -> Self {
        Tail(rows, PhantomData)
    }
}

impl<H: Plugin, T: PluginSet, R: RowSource<Cons<H, T>>> RowSource<T> for Tail<'_, R, H> {
    fn row<K: Kind>(&self, id: K) -> Option<&T::Row<K>> {
        Some(&self.0.row(id)?.1)
    }
    fn row_mut<K: Kind>(&mut self, id: K) -> Option<&mut T::Row<K>> {
        Some(&mut self.0.row_mut(id)?.1)
    }
    fn next<K: Kind>(&self, from: usize) -> Option<K> {
        self.0.next(from)
    }
}

/// The first plugin's cells of all rows.
pub struct First<'a, R, T>(&'a mut R, PhantomData<T>);

impl<'a, R, T> First<'a, R, T> {
    /// Only the first plugin's cells.
    pub fn of(rows: &'a mut R) -> Self {
        First(rows, PhantomData)
    }
}

impl<H: Plugin, T: PluginSet, R: RowSource<Cons<H, T>>, K: Kind> KindRows<H, K> for First<'_, R, T> {
    fn state(&self, id: K) -> Option<&K::State<H>> {
        self.0.row(id)?.0.state()
    }
    fn state_mut(&mut self, id: K) -> Option<&mut K::State<H>> {
        self.0.row_mut(id)?.0.state_mut()
    }
    fn next_on(&self, mut from: usize) -> Option<K> {
        loop {
            let id: K = self.0.next(from)?;
            if self.state(id).is_some() {
                return Some(id);
            }
            from = id.raw().index() + 1;
        }
    }
}

impl<H: Plugin, T: PluginSet, R: RowSource<Cons<H, T>>> PluginRows<H> for First<'_, R, T> {}
