//! Who can be reached from whom.
use std::collections::HashMap;
use std::rc::Rc;

use sfu_core::plugin::RouterId;

use crate::circle::Circles;
use crate::slab::Key;

/// Changes of a room that wait to be told; the oldest are forgotten beyond.
const MOST_NEWS: usize = 4096;

/// News on their way to those who watch: it may take several turns.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// The news in each form.
    pub(crate) text: Vec<u8>,
    /// The news in each form.
    pub(crate) binary: Vec<u8>,
    /// The watcher that is told next.
    pub(crate) next: usize,
}

/// A room: what has the same room label in one router.
#[derive(Debug)]
pub(crate) struct Room {
    /// Its router.
    pub(crate) router: RouterId,
    /// Its name.
    pub(crate) name: Rc<str>,
    /// Its groups.
    pub(crate) groups: Circles,
    /// Its topics.
    pub(crate) topics: Circles,
    /// Peers that are told who comes and goes.
    pub(crate) watchers: Vec<Key>,
    /// Who came (`true`) and went since they were told.
    pub(crate) news: Vec<(Rc<str>, bool)>,
    /// What they are being told.
    pub(crate) telling: Option<Telling>,
    peers: HashMap<Rc<str>, Key>,
    members: Vec<Key>,
}

impl Room {
    pub(crate) fn new(router: RouterId, name: Rc<str>) -> Self {
        Room {
            router,
            name,
            groups: Circles::default(),
            topics: Circles::default(),
            watchers: Vec::new(),
            news: Vec::new(),
            telling: None,
            peers: HashMap::new(),
            members: Vec::new(),
        }
    }

    /// The peer of this name.
    #[inline]
    pub(crate) fn peer(&self, name: &str) -> Option<Key> {
        self.peers.get(name).copied()
    }

    /// All peers, in the order in which they came.
    #[inline]
    pub(crate) fn members(&self) -> &[Key] {
        &self.members
    }

    /// A peer comes.
    pub(crate) fn enter(&mut self, name: Rc<str>, peer: Key) {
        self.peers.insert(name.clone(), peer);
        self.members.push(peer);
        self.note(name, true);
    }

    /// A peer goes.
    pub(crate) fn leave(&mut self, name: &Rc<str>, peer: Key) {
        self.peers.remove(name);
        self.members.retain(|member| *member != peer);
        self.unwatch(peer);
        self.note(name.clone(), false);
    }

    /// A peer is not told any more who comes and goes.
    pub(crate) fn unwatch(&mut self, peer: Key) {
        let Some(at) = self.watchers.iter().position(|watcher| *watcher == peer) else { return };
        self.watchers.remove(at);
        if let Some(telling) = &mut self.telling {
            telling.next -= usize::from(telling.next > at);
        }
    }

    /// Whether somebody has to be told something.
    pub(crate) fn has_news(&self) -> bool {
        self.telling.is_some() || !self.news.is_empty()
    }

    /// Notes a change for those who watch. Who goes before anybody heard of the coming is no news, nor the other way round.
    fn note(&mut self, name: Rc<str>, came: bool) {
        if self.watchers.is_empty() {
            self.news.clear();
            return;
        }
        if let Some(at) = self.news.iter().position(|(other, _)| *other == name) {
            if self.news.get(at).is_some_and(|(_, before)| *before != came) {
                self.news.remove(at);
            }
            return;
        }
        if self.news.len() == MOST_NEWS {
            self.news.remove(0);
        }
        self.news.push((name, came));
    }
}
