//! The rooms of a media thread, and the peers in them.
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use sfu_core::plugin::{DataConsumerId, DataProducerId, RouterId};

use crate::label::Label;
use crate::message::Form;
use crate::peer::Peer;
use crate::room::Room;
use crate::settings::{Config, Options};
use crate::slab::{Key, Slab};

/// The rooms of a media thread, and the peers in them.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// All rooms in which there is somebody.
    pub(crate) rooms: Slab<Room>,
    /// All peers.
    pub(crate) peers: Slab<Peer>,
    by_place: HashMap<(RouterId, Rc<str>), Key>,
}

/// Who came or went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The router of the room.
    pub(crate) router: RouterId,
    /// The room.
    pub(crate) room: Rc<str>,
    /// The peer.
    pub(crate) peer: Rc<str>,
    /// Somebody watches the room.
    pub(crate) is_awaited: bool,
}

/// What a peer can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CircleKind {
    /// A group.
    Group,
    /// A topic.
    Topic,
}

impl Directory {
    /// The peer of a name in a room of a router; made, with what came of it, if there is none.
    pub(crate) fn admit(
        &mut self,
        (router, room): (RouterId, &str),
        name: Label,
        options: &Options,
        config: &Config,
        now: Instant,
    ) -> (Key, Option<Change>) {
        let place: (RouterId, Rc<str>) = (router, room.into());
        let room_key = match self.by_place.get(&place) {
            Some(key) => *key,
            None => {
                let key = self.rooms.insert(Room::new(router, place.1.clone()));
                self.by_place.insert(place.clone(), key);
                key
            }
        };
        if let Some(peer) = self.rooms.get(room_key).and_then(|room| room.peer(&name.text)) {
            return (peer, None);
        }
        let text = name.text.clone();
        let peer = self.peers.insert(Peer::new(name, room_key, options, config, now));
        let mut is_awaited = false;
        if let Some(room) = self.rooms.get_mut(room_key) {
            room.enter(text.clone(), peer);
            is_awaited = room.has_news();
        }
        (peer, Some(Change { router, room: place.1, peer: text, is_awaited }))
    }

    /// A peer has one data producer less.
    pub(crate) fn remove_sender(&mut self, peer: Key, id: DataProducerId) -> Option<Change> {
        self.peers.get_mut(peer)?.senders.retain(|sender| *sender != id);
        self.remove_if_gone(peer)
    }

    /// A peer has one data consumer less.
    pub(crate) fn remove_ear(&mut self, peer: Key, id: DataConsumerId) -> Option<Change> {
        self.peers.get_mut(peer)?.retain_ears(|ear| ear != id);
        self.remove_if_gone(peer)
    }

    /// Takes off what `has_sender` and `has_ear` don't know: what the plugin was taken from without being told.
    pub(crate) fn retain(
        &mut self,
        key: Key,
        mut has_sender: impl FnMut(DataProducerId) -> bool,
        has_ear: impl FnMut(DataConsumerId) -> bool,
    ) -> Option<Change> {
        let peer = self.peers.get_mut(key)?;
        peer.senders.retain(|id| has_sender(*id));
        peer.retain_ears(has_ear);
        self.remove_if_gone(key)
    }

    fn remove_if_gone(&mut self, key: Key) -> Option<Change> {
        self.peers.get(key).filter(|peer| peer.is_gone())?;
        let peer = self.peers.remove(key)?;
        let room = self.rooms.get_mut(peer.room)?;
        for group in &peer.groups {
            room.groups.leave(group, key);
        }
        for topic in &peer.topics {
            room.topics.leave(topic, key);
        }
        room.leave(&peer.name.text, key);
        let (router, is_awaited) = (room.router, room.has_news());
        let change = Change { router, room: room.name.clone(), peer: peer.name.text, is_awaited };
        if room.members().is_empty() {
            self.rooms.remove(peer.room);
            self.by_place.remove(&(change.router, change.room.clone()));
        }
        Some(change)
    }

    /// Lets a peer into a group or topic; why not.
    pub(crate) fn enter(
        &mut self,
        key: Key,
        kind: CircleKind,
        name: &str,
        config: &Config,
    ) -> Result<(), &'static str> {
        if name.len() > usize::from(config.name_bytes) {
            return Err("the name is too long");
        }
        const NO_ROOM: &str = "you are in no room";
        let peer = self.peers.get_mut(key).ok_or(NO_ROOM)?;
        let room = self.rooms.get_mut(peer.room).ok_or(NO_ROOM)?;
        let (list, circles, own, all) = match kind {
            CircleKind::Group => (&mut peer.groups, &mut room.groups, config.peer_groups, config.room_groups),
            CircleKind::Topic => (&mut peer.topics, &mut room.topics, config.peer_topics, config.room_topics),
        };
        if list.iter().any(|known| **known == *name) {
            return Ok(());
        }
        if list.len() >= usize::from(own) {
            return Err("you are in as many as you may be; leave one first");
        }
        let name = circles.enter(name, key, all).ok_or("the room has as many as it may have")?;
        list.push(name);
        Ok(())
    }

    /// A peer leaves a group or topic, if it is in it.
    pub(crate) fn leave(&mut self, key: Key, kind: CircleKind, name: &str) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(room) = self.rooms.get_mut(peer.room) else { return };
        let (list, circles) = match kind {
            CircleKind::Group => (&mut peer.groups, &mut room.groups),
            CircleKind::Topic => (&mut peer.topics, &mut room.topics),
        };
        if let Some(at) = list.iter().position(|known| **known == *name) {
            list.remove(at);
            circles.leave(name, key);
        }
    }

    /// A peer is told from now on who comes and goes, or not any more; false if too many are told already.
    pub(crate) fn watch(&mut self, key: Key, watches: Option<Form>, config: &Config) -> bool {
        let Some(peer) = self.peers.get_mut(key) else { return false };
        let Some(room) = self.rooms.get_mut(peer.room) else { return false };
        let (was, is) = (peer.watches.is_some(), watches.is_some());
        if is && !was {
            if room.watchers.len() >= usize::from(config.room_watchers) {
                return false;
            }
            room.watchers.push(key);
        } else if was && !is {
            room.unwatch(key);
        }
        peer.watches = watches;
        true
    }
}

#[cfg(test)]
mod tests;
