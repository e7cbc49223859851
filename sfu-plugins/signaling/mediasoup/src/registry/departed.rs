use std::collections::{HashMap, VecDeque};

use sfu_core::control::Target;

use super::Key;

/// How many are remembered.
const REMEMBERED: usize = 1024;

/// What closed a short while ago. Plugins still tell of it, as a recorder does that finishes its file, and who hears that
/// wants to know which one it was.
#[derive(Debug, Default)]
pub(super) struct Departed {
    places: HashMap<Target, (String, Option<Key>)>,
    oldest_first: VecDeque<Target>,
}

impl Departed {
    /// Remembers one, and forgets the oldest of too many. The engine never uses an id again.
    pub(super) fn add(&mut self, target: Target, id: &str, router: Option<Key>) {
        if self.places.insert(target, (id.to_owned(), router)).is_none() {
            self.oldest_first.push_back(target);
        }
        if self.oldest_first.len() > REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.places.remove(&oldest);
        }
    }

    /// The library's name that it had, and the router that it belonged to.
    pub(super) fn place_of(&self, target: Target) -> (Option<&str>, Option<Key>) {
        match self.places.get(&target) {
            Some((id, router)) => (Some(id), *router),
            None => (None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use sfu_core::control::{EntityId, ProducerId, RawId};

    use super::*;

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let producer =
            |index: usize| -> Target { ProducerId::from_raw(RawId::new(0, index as u32, 1)).into() };
        let mut departed = Departed::default();
        for index in 0..=REMEMBERED {
            departed.add(producer(index), &index.to_string(), Some(Key(7)));
        }
        assert_eq!(departed.place_of(producer(0)), (None, None));
        assert_eq!(departed.place_of(producer(1)), (Some("1"), Some(Key(7))));
        assert_eq!((departed.places.len(), departed.oldest_first.len()), (REMEMBERED, REMEMBERED));
    }
}
