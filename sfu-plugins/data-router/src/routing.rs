//! Who gets a message, and what they read before its body.
use std::ops::Range;

use sfu_core::plugin::{DataConsumerId, MAX_RECIPIENTS};

use crate::circle::Circle;
use crate::directory::Directory;
use crate::json::Text;
use crate::label::Label;
use crate::message::{Destination, Form, Names, Problem};
use crate::room::Room;
use crate::slab::Key;
use crate::{envelope, header, notice};

/// Buffers that are used again for each message, so that routing one allocates nothing.
#[derive(Debug)]
pub(crate) struct Routing {
    /// Who gets the message.
    pub(crate) chosen: Vec<DataConsumerId>,
    /// Copies beyond what one message may have.
    pub(crate) beyond: usize,
    /// What goes back to the sender, if something is wrong.
    pub(crate) notice: Vec<u8>,
    /// What comes before the body.
    head: Vec<u8>,
    scratch: String,
}

impl Default for Routing {
    fn default() -> Self {
        Routing {
            chosen: Vec::with_capacity(MAX_RECIPIENTS),
            beyond: 0,
            notice: Vec::with_capacity(1024),
            // The longest: two names of 255 bytes, each six times as long in JSON.
            head: Vec::with_capacity(4096),
            scratch: String::with_capacity(256),
        }
    }
}

impl Routing {
    /// Chooses who gets a message of `sender`. Where something is wrong the notice says so, and those who can be reached get it all
    /// the same.
    pub(crate) fn choose(
        &mut self,
        directory: &Directory,
        sender: Key,
        form: Form,
        to: &Destination<'_>,
        most_names: u8,
    ) -> Option<Problem> {
        self.chosen.clear();
        self.head.clear();
        self.beyond = 0;
        let peer = directory.peers.get(sender)?;
        let room = directory.rooms.get(peer.room)?;
        let mut circle: Option<&Circle> = None;
        let problem = match to {
            Destination::Peer(name) => self.choose_peer(directory, room, form, name),
            Destination::Peers(names) => self.choose_peers(directory, room, form, names, most_names),
            Destination::Group(name) => {
                circle = name.read(&mut self.scratch).and_then(|name| room.groups.get(name));
                match circle {
                    Some(group) => {
                        self.choose_all(directory, &group.members, sender);
                        None
                    }
                    None => Some(self.refuse(form, Problem::UnknownGroup, name)),
                }
            }
            Destination::Topic(name) => {
                circle = name.read(&mut self.scratch).and_then(|name| room.topics.get(name));
                if let Some(topic) = circle {
                    self.choose_all(directory, &topic.members, sender);
                }
                None
            }
            Destination::Others => {
                self.choose_all(directory, room.members(), sender);
                None
            }
        };
        self.write_head(form, to, &peer.name, circle.map(|circle| &circle.name));
        problem
    }

    fn write_head(&mut self, form: Form, to: &Destination<'_>, from: &Label, circle: Option<&Label>) {
        match form {
            Form::Text => envelope::write(to, from, circle, &mut self.head),
            Form::Binary => header::write(to, from, circle, &mut self.head),
        }
    }

    fn choose_peer(
        &mut self,
        directory: &Directory,
        room: &Room,
        form: Form,
        name: &Text<'_>,
    ) -> Option<Problem> {
        let found = name.read(&mut self.scratch).and_then(|name| room.peer(name));
        let Some(peer) = found.and_then(|key| directory.peers.get(key)) else {
            return Some(self.refuse(form, Problem::UnknownPeer, name));
        };
        if peer.inboxes.is_empty() {
            return Some(self.refuse(form, Problem::Unreachable, name));
        }
        // A list may name somebody twice; it is short.
        if peer.inboxes.first().is_some_and(|inbox| !self.chosen.contains(inbox)) {
            self.push(&peer.inboxes);
        }
        None
    }

    fn choose_peers(
        &mut self,
        directory: &Directory,
        room: &Room,
        form: Form,
        names: &Names<'_>,
        most_names: u8,
    ) -> Option<Problem> {
        if names.clone().nth(usize::from(most_names)).is_some() {
            let text = "a list names more peers than it may";
            notice::error(form, Problem::Limit, "", text, &mut self.notice);
            return Some(Problem::Limit);
        }
        let mut first = None;
        for name in names.clone() {
            // One error for a message: that of the first name.
            if first.is_none() {
                first = self.choose_peer(directory, room, form, &name);
            } else if let Some(key) = name.read(&mut self.scratch).and_then(|name| room.peer(name))
                && let Some(peer) = directory.peers.get(key)
                && peer.inboxes.first().is_some_and(|inbox| !self.chosen.contains(inbox))
            {
                self.push(&peer.inboxes);
            }
        }
        first
    }

    fn choose_all(&mut self, directory: &Directory, members: &[Key], sender: Key) {
        for key in members {
            if *key != sender
                && let Some(peer) = directory.peers.get(*key)
            {
                self.push(&peer.inboxes);
            }
        }
    }

    #[inline]
    fn push(&mut self, inboxes: &[DataConsumerId]) {
        let room = MAX_RECIPIENTS - self.chosen.len().min(MAX_RECIPIENTS);
        let taken = inboxes.len().min(room);
        self.chosen.extend_from_slice(inboxes.get(..taken).unwrap_or_default());
        self.beyond += inboxes.len() - taken;
    }

    fn refuse(&mut self, form: Form, problem: Problem, name: &Text<'_>) -> Problem {
        let text = match problem {
            Problem::UnknownGroup => "your room has no group of this name",
            Problem::Unreachable => "this peer has no data channel to be reached by",
            _ => "nobody of this name is in your room",
        };
        let name = name.read(&mut self.scratch).unwrap_or_default();
        notice::error(form, problem, name, text, &mut self.notice);
        problem
    }

    /// Puts the head before the body, in place; grows the message only beyond what it has memory for.
    pub(crate) fn rewrite(&self, form: Form, payload: &mut Vec<u8>, body: Range<usize>) {
        let tail: &[u8] = if form == Form::Text { b"}" } else { b"" };
        let (head, length) = (self.head.len(), body.len());
        if body.end > payload.len() || body.start > body.end {
            return;
        }
        payload.resize(payload.len().max(head + length + tail.len()), 0);
        payload.copy_within(body, head);
        payload.truncate(head + length + tail.len());
        if let Some(place) = payload.get_mut(..head) {
            place.copy_from_slice(&self.head);
        }
        if let Some(place) = payload.get_mut(head + length..) {
            place.copy_from_slice(tail);
        }
    }
}

#[cfg(test)]
mod tests;
