//! Plugins' states, parallel to the core's own tables.
use super::compose::PluginSet;
use super::kind::Kind;
use super::rows::RowSource;
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, ProducerId, RawId, RouterId, SessionId, TransportId,
};

/// What decides about a row without touching it.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// A bit for each plugin that has something in the row; without any the row is skipped by one test.
    mask: u64,
    generation: u32,
    live: bool,
}

/// The rows of one kind of entity, by place in the core's table: in each row one cell per plugin.
pub struct Table<S: PluginSet, K: Kind> {
    heads: Vec<Head>,
    rows: Vec<S::Row<K>>,
    /// How many rows have something in them.
    used: usize,
}

impl<S: PluginSet, K: Kind> Default for Table<S, K> {
    fn default() -> Self {
        Table { heads: Vec::new(), rows: Vec::new(), used: 0 }
    }
}

impl<S: PluginSet, K: Kind> Table<S, K> {
    /// The row, if any plugin has something in it. For ids that the core just used: the generation is not compared.
    #[inline]
    pub fn hot(&mut self, id: K) -> Option<&mut S::Row<K>> {
        let place = id.raw().index();
        match self.heads.get(place) {
            Some(head) if head.mask != 0 => self.rows.get_mut(place),
            _ => None,
        }
    }

    /// Makes a row, all off. What an earlier entity left at that place is gone.
    pub fn insert(&mut self, id: K) {
        if S::LEN == 0 {
            return;
        }
        let place = id.raw().index();
        if self.heads.len() <= place {
            self.heads.resize(place + 1, Head::default());
            self.rows.resize_with(place + 1, Default::default);
        }
        if let (Some(head), Some(row)) = (self.heads.get_mut(place), self.rows.get_mut(place)) {
            self.used -= usize::from(head.mask != 0);
            *head = Head { mask: 0, generation: id.raw().generation(), live: true };
            *row = Default::default();
        }
    }

    /// Ends a row; its states were taken out before.
    pub fn remove(&mut self, id: K) {
        if self.row(id).is_some()
            && let Some(head) = self.heads.get_mut(id.raw().index())
        {
            self.used -= usize::from(head.mask != 0);
            *head = Head::default();
        }
    }

    /// The row of a live entity.
    pub fn row(&self, id: K) -> Option<&S::Row<K>> {
        let place = id.raw().index();
        let head = self.heads.get(place)?;
        if !head.live || head.generation != id.raw().generation() {
            return None;
        }
        self.rows.get(place)
    }

    /// The row of a live entity.
    pub fn row_mut(&mut self, id: K) -> Option<&mut S::Row<K>> {
        self.row(id)?;
        self.rows.get_mut(id.raw().index())
    }

    /// Makes the mask say again what the row holds.
    pub fn sync(&mut self, id: K) {
        let Some(mask) = self.row(id).map(S::mask::<K>) else { return };
        if let Some(head) = self.heads.get_mut(id.raw().index()) {
            self.used = self.used - usize::from(head.mask != 0) + usize::from(mask != 0);
            head.mask = mask;
        }
    }

    /// Makes all masks say again what their rows hold.
    pub fn sync_all(&mut self) {
        for (head, row) in self.heads.iter_mut().zip(&self.rows) {
            head.mask = if head.live { S::mask::<K>(row) } else { 0 };
        }
        self.used = self.heads.iter().filter(|head| head.mask != 0).count();
    }

    /// Whether any row has something in it.
    #[inline]
    pub fn is_used(&self) -> bool {
        self.used != 0
    }

    /// The plugins that have something in the row.
    #[inline]
    pub fn mask(&self, id: K) -> u64 {
        self.heads.get(id.raw().index()).map_or(0, |head| head.mask)
    }

    /// The first live place at or after `from`.
    pub fn next(&self, worker: u8, from: usize) -> Option<K> {
        let ahead = self.heads.get(from..)?.iter().position(|head| head.live)?;
        let head = self.heads.get(from + ahead)?;
        Some(K::from_raw(RawId::new(worker, (from + ahead) as u32, head.generation)))
    }
}

/// All rows of one media thread.
pub struct Tables<S: PluginSet> {
    pub(crate) worker: u8,
    pub(crate) session: Table<S, SessionId>,
    pub(crate) router: Table<S, RouterId>,
    pub(crate) transport: Table<S, TransportId>,
    pub(crate) producer: Table<S, ProducerId>,
    pub(crate) consumer: Table<S, ConsumerId>,
    pub(crate) data_producer: Table<S, DataProducerId>,
    pub(crate) data_consumer: Table<S, DataConsumerId>,
}

impl<S: PluginSet> Tables<S> {
    /// Empty tables of one media thread.
    pub fn new(worker: u8) -> Self {
        Tables {
            worker,
            session: Table::default(),
            router: Table::default(),
            transport: Table::default(),
            producer: Table::default(),
            consumer: Table::default(),
            data_producer: Table::default(),
            data_consumer: Table::default(),
        }
    }
}

impl<S: PluginSet> RowSource<S> for Tables<S> {
    fn row<K: Kind>(&self, id: K) -> Option<&S::Row<K>> {
        K::table(self).row(id)
    }
    fn row_mut<K: Kind>(&mut self, id: K) -> Option<&mut S::Row<K>> {
        K::table_mut(self).row_mut(id)
    }
    fn next<K: Kind>(&self, from: usize) -> Option<K> {
        K::table(self).next(self.worker, from)
    }
}
