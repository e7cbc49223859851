//! A table of entities of one kind: dense places, ids that tell a stale name from a living one.
use std::marker::PhantomData;

use crate::control::{EntityId, RawId};

/// Entities by id. Rows of plugins lie parallel to it, at [`RawId::index`].
///
/// Each entity has memory of its own: a table of thousands of them would otherwise be copied as it grows, in the middle of calls, and
/// would never become smaller again.
#[derive(Debug)]
pub(crate) struct Table<I, T> {
    worker: u8,
    places: Vec<Place<T>>,
    free: Vec<u32>,
    len: usize,
    id: PhantomData<I>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    entity: Option<Box<T>>,
}

impl<I: EntityId, T> Table<I, T> {
    /// An empty table of the given media thread.
    pub(crate) fn new(worker: u8) -> Self {
        Table { worker, places: Vec::new(), free: Vec::new(), len: 0, id: PhantomData }
    }

    /// Puts in what `make` makes of its new id.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(I) -> T) -> I {
        match self.try_insert_with(|id| Ok::<T, std::convert::Infallible>(make(id))) {
            Ok(id) => id,
            Err(never) => match never {},
        }
    }

    /// Puts in what `make` makes of its new id, or nothing if it fails.
    pub(crate) fn try_insert_with<E>(&mut self, make: impl FnOnce(I) -> Result<T, E>) -> Result<I, E> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.places.push(Place { generation: 0, entity: None });
                (self.places.len() - 1) as u32
            }
        };
        let place = &mut self.places[index as usize];
        let id = I::from_raw(RawId::new(self.worker, index, place.generation));
        match make(id) {
            Ok(entity) => {
                place.entity = Some(Box::new(entity));
                self.len += 1;
                Ok(id)
            }
            Err(error) => {
                self.free.push(index);
                Err(error)
            }
        }
    }

    /// Takes one out; its id is stale from now on.
    pub(crate) fn remove(&mut self, id: I) -> Option<T> {
        if id.raw().worker() != self.worker {
            return None;
        }
        let place = self.places.get_mut(id.raw().index())?;
        if place.generation != id.raw().generation() {
            return None;
        }
        let entity = place.entity.take()?;
        place.generation = (place.generation + 1) & 0x00ff_ffff;
        self.free.push(id.raw().index() as u32);
        self.len -= 1;
        Some(*entity)
    }

    /// Looks one up.
    #[inline]
    pub(crate) fn get(&self, id: I) -> Option<&T> {
        let place = self.places.get(id.raw().index())?;
        if place.generation != id.raw().generation() { None } else { place.entity.as_deref() }
    }

    /// Looks one up to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let place = self.places.get_mut(id.raw().index())?;
        if place.generation != id.raw().generation() { None } else { place.entity.as_deref_mut() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All with their ids, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        let worker = self.worker;
        self.places.iter().enumerate().filter_map(move |(index, place)| {
            let entity = place.entity.as_deref()?;
            Some((I::from_raw(RawId::new(worker, index as u32, place.generation)), entity))
        })
    }

    /// All ids, by place.
    pub(crate) fn ids(&self) -> Vec<I> {
        self.iter().map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::RouterId;

    #[test]
    fn a_stale_id_never_reaches_the_next_entity_in_its_place() {
        let mut table: Table<RouterId, u32> = Table::new(1);
        let first = table.insert_with(|_| 1);
        assert_eq!(table.remove(first), Some(1));
        let second = table.insert_with(|_| 2);
        assert_eq!(first.index(), second.index());
        assert!(table.get(first).is_none() && table.remove(first).is_none());
        assert_eq!(table.get(second), Some(&2));
        assert_eq!(table.len(), 1);
    }
}
