//! Groups and topics: who is in them.
use std::collections::HashMap;
use std::rc::Rc;

use crate::label::Label;
use crate::slab::Key;

/// A group with its members, or a topic with its subscribers.
#[derive(Debug)]
pub(crate) struct Circle {
    /// Its name.
    pub(crate) name: Label,
    /// Who is in it, in the order in which they came.
    pub(crate) members: Vec<Key>,
}

/// All groups, or all topics, of a room. They are there as long as somebody is in them.
#[derive(Debug, Default)]
pub(crate) struct Circles(HashMap<Rc<str>, Circle>);

impl Circles {
    /// One of them.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&Circle> {
        self.0.get(name)
    }

    /// Lets a peer in that is not in yet. Answers the name; none if there are `most` already.
    pub(crate) fn enter(&mut self, name: &str, peer: Key, most: u16) -> Option<Rc<str>> {
        if !self.0.contains_key(name) {
            let name = Label::new(name).filter(|_| self.0.len() < usize::from(most))?;
            self.0.insert(name.text.clone(), Circle { name, members: Vec::new() });
        }
        let circle = self.0.get_mut(name)?;
        circle.members.push(peer);
        Some(circle.name.text.clone())
    }

    /// A peer goes, and with the last one what it was in.
    pub(crate) fn leave(&mut self, name: &str, peer: Key) {
        let Some(circle) = self.0.get_mut(name) else { return };
        circle.members.retain(|member| *member != peer);
        if circle.members.is_empty() {
            self.0.remove(name);
        }
    }

    /// All of them, by name.
    pub(crate) fn sorted(&self) -> Vec<&Circle> {
        let mut all: Vec<&Circle> = self.0.values().collect();
        all.sort_by(|a, b| a.name.text.cmp(&b.name.text));
        all
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
