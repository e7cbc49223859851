//! The library's names of things, and what belongs to what: the same in every version of the protocol.
mod departed;
mod entity;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sfu_core::control::Target;

use departed::Departed;
pub(crate) use entity::{Entity, Kind, Link, TransportFacts};

/// A place in the registry; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

/// One thing that the library has a name for. `D` is what a version of the protocol remembers of it.
#[derive(Debug)]
pub(crate) struct Entry<D> {
    /// The library's name.
    pub(crate) id: String,
    pub(crate) entity: Entity,
    pub(crate) detail: D,
    /// What it belongs to; worker-wide things belong to nothing.
    pub(crate) parent: Option<Key>,
    children: BTreeSet<Key>,
    /// What it gets media, messages or ports from: a consumer's producer, what an observer observes, a transport's server.
    sources: BTreeSet<Key>,
    /// The other way round.
    dependents: BTreeSet<Key>,
}

/// Somebody has the name already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NameTaken;

/// All that the library has made and not closed, oldest first.
#[derive(Debug)]
pub(crate) struct Registry<D> {
    entries: BTreeMap<Key, Entry<D>>,
    names: HashMap<String, Key>,
    targets: HashMap<Target, Key>,
    departed: Departed,
    next: u64,
}

impl<D> Default for Registry<D> {
    fn default() -> Self {
        let (entries, departed) = Default::default();
        Self { entries, names: HashMap::new(), targets: HashMap::new(), departed, next: 0 }
    }
}

impl<D> Registry<D> {
    /// Adds something under a name that must be free.
    pub(crate) fn insert(
        &mut self,
        id: &str,
        entity: Entity,
        detail: D,
        parent: Option<Key>,
    ) -> Result<Key, NameTaken> {
        if self.names.contains_key(id) {
            return Err(NameTaken);
        }
        let key = Key(self.next);
        self.next += 1;
        if let Some(parent) = parent.and_then(|parent| self.entries.get_mut(&parent)) {
            parent.children.insert(key);
        }
        if let Some(target) = entity.target() {
            self.targets.insert(target, key);
        }
        self.names.insert(id.to_owned(), key);
        let (children, sources, dependents) = Default::default();
        let id = id.to_owned();
        self.entries.insert(key, Entry { id, entity, detail, parent, children, sources, dependents });
        Ok(key)
    }

    /// What has a name.
    pub(crate) fn find(&self, id: &str) -> Option<Key> {
        self.names.get(id).copied()
    }

    /// What the engine knows as this.
    pub(crate) fn of_target(&self, target: impl Into<Target>) -> Option<Key> {
        self.targets.get(&target.into()).copied()
    }

    /// The library's name of what the engine knows as this.
    pub(crate) fn name_of(&self, target: impl Into<Target>) -> Option<&str> {
        self.of_target(target).and_then(|key| self.get(key)).map(|entry| entry.id.as_str())
    }

    /// The router that something belongs to, or is.
    pub(crate) fn router_of(&self, mut key: Key) -> Option<Key> {
        loop {
            let entry = self.entries.get(&key)?;
            if entry.entity.kind() == Kind::Router {
                return Some(key);
            }
            key = entry.parent?;
        }
    }

    /// The library's name of what the engine knows as this, and its router, also if it closed a short while ago.
    pub(crate) fn place_of(&self, target: Target) -> (Option<&str>, Option<Key>) {
        match self.of_target(target) {
            Some(key) => (self.name_of(target), self.router_of(key)),
            None => self.departed.place_of(target),
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Entry<D>> {
        self.entries.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Entry<D>> {
        self.entries.get_mut(&key)
    }

    /// All entries, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Entry<D>)> {
        self.entries.iter().map(|(key, entry)| (*key, entry))
    }

    /// What belongs to it, of one kind.
    pub(crate) fn children(&self, key: Key, kind: Kind) -> impl Iterator<Item = (Key, &Entry<D>)> {
        self.of_kind(self.entries.get(&key).map(|entry| &entry.children), kind)
    }

    /// What depends on it, of one kind.
    pub(crate) fn dependents(&self, key: Key, kind: Kind) -> impl Iterator<Item = (Key, &Entry<D>)> {
        self.of_kind(self.entries.get(&key).map(|entry| &entry.dependents), kind)
    }

    /// What it depends on, of one kind.
    pub(crate) fn sources(&self, key: Key, kind: Kind) -> impl Iterator<Item = (Key, &Entry<D>)> {
        self.of_kind(self.entries.get(&key).map(|entry| &entry.sources), kind)
    }

    fn of_kind<'a>(
        &'a self,
        keys: Option<&'a BTreeSet<Key>>,
        kind: Kind,
    ) -> impl Iterator<Item = (Key, &'a Entry<D>)> {
        let entry = |key: &Key| self.entries.get(key).map(|entry| (*key, entry));
        keys.into_iter().flatten().filter_map(entry).filter(move |(_, entry)| entry.entity.kind() == kind)
    }

    /// Lets one depend on another.
    pub(crate) fn connect(&mut self, source: Key, dependent: Key) {
        if let Some(entry) = self.entries.get_mut(&dependent) {
            entry.sources.insert(source);
        }
        if let Some(entry) = self.entries.get_mut(&source) {
            entry.dependents.insert(dependent);
        }
    }

    /// Ends that.
    pub(crate) fn disconnect(&mut self, source: Key, dependent: Key) {
        if let Some(entry) = self.entries.get_mut(&dependent) {
            entry.sources.remove(&source);
        }
        if let Some(entry) = self.entries.get_mut(&source) {
            entry.dependents.remove(&dependent);
        }
    }

    /// Takes out something with all that belongs to it, and with consumers of producers among these, wherever they are: their
    /// names, in the order in which they were made, are what the library has to be told of.
    pub(crate) fn remove(&mut self, key: Key) -> Vec<Entry<D>> {
        let mut inside = Vec::new();
        self.collect(key, &mut inside);
        let mut orphans: Vec<Key> = Vec::new();
        for key in &inside {
            for kind in [Kind::Consumer, Kind::DataConsumer] {
                orphans.extend(self.dependents(*key, kind).map(|(key, _)| key));
            }
        }
        let router = self.router_of(key);
        for key in inside {
            self.take(key, router);
        }
        orphans.sort_unstable();
        let mut taken = Vec::new();
        for orphan in orphans {
            let router = self.router_of(orphan);
            taken.extend(self.take(orphan, router));
        }
        taken
    }

    fn collect(&self, key: Key, into: &mut Vec<Key>) {
        let Some(entry) = self.entries.get(&key) else { return };
        into.push(key);
        for child in &entry.children {
            self.collect(*child, into);
        }
    }

    fn take(&mut self, key: Key, router: Option<Key>) -> Option<Entry<D>> {
        let entry = self.entries.remove(&key)?;
        self.names.remove(&entry.id);
        if let Some(target) = entry.entity.target() {
            self.targets.remove(&target);
            self.departed.add(target, &entry.id, router);
        }
        if let Some(parent) = entry.parent.and_then(|parent| self.entries.get_mut(&parent)) {
            parent.children.remove(&key);
        }
        for source in &entry.sources {
            if let Some(source) = self.entries.get_mut(source) {
                source.dependents.remove(&key);
            }
        }
        for dependent in &entry.dependents {
            if let Some(dependent) = self.entries.get_mut(dependent) {
                dependent.sources.remove(&key);
            }
        }
        Some(entry)
    }
}
