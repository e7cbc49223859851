//! What administrators ask.
use std::collections::HashSet;

use sfu_core::plugin::{Cx, DataConsumerId, DataProducerId, RouterId, Rows, Target};
use sfu_core::serde_json::{self, Value, json};

use crate::label::Label;
use crate::message::Form;
use crate::peer::Peer;
use crate::plugin::{DataRouter, send};
use crate::room::Room;
use crate::settings::To;
use crate::slab::Key;

/// Peers, or groups and topics, in one answer: more would keep the media thread for too long.
const LIST: usize = 500;
/// Names of those who are in one group or topic, and in all of one answer.
const NAMES: usize = 100;
const NAMES_IN_ALL: usize = 2000;

/// What a request is about.
enum Scope {
    /// Everything on this media thread.
    All,
    /// A router.
    Router(RouterId),
    /// Some peers.
    Peers(Vec<Key>),
}

impl DataRouter {
    /// What of this media thread is below a target. A data consumer belongs to the peer that hears by it alone.
    fn scope(&self, at: Target, rows: &Rows<'_, Self>, cx: &Cx<'_>) -> Scope {
        match at {
            Target::Worker => return Scope::All,
            Target::Router(router) => return Scope::Router(router),
            _ => {}
        }
        let view = cx.view();
        let mut peers = Vec::new();
        view.each_below(at, |id: DataProducerId| peers.extend(rows.get(id).map(|row| row.place.peer)));
        view.each_below(at, |id: DataConsumerId| {
            if view.lineage(id.into()).contains(&at) {
                peers.extend(rows.get(id).map(|row| row.place.peer));
            }
        });
        let mut seen = HashSet::new();
        peers.retain(|peer| seen.insert(*peer));
        Scope::Peers(peers)
    }

    /// Rooms of which somebody is in a scope.
    fn rooms(&self, scope: &Scope) -> Vec<(Key, &Room)> {
        let all = self.directory.rooms.iter();
        match scope {
            Scope::All => all.collect(),
            Scope::Router(router) => all.filter(|(_, room)| room.router == *router).collect(),
            Scope::Peers(peers) => {
                let rooms: HashSet<Key> = self.members(peers).map(|peer| peer.room).collect();
                all.filter(|(key, _)| rooms.contains(key)).collect()
            }
        }
    }

    /// Peers of a room that are in a scope.
    fn peers<'a>(
        &'a self,
        (key, room): (Key, &'a Room),
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a Room, &'a Peer)> {
        let keys = match scope {
            Scope::All | Scope::Router(_) => room.members(),
            Scope::Peers(peers) => peers,
        };
        self.members(keys).filter(move |peer| peer.room == key).map(move |peer| (room, peer))
    }

    fn members<'a>(&'a self, keys: &'a [Key]) -> impl Iterator<Item = &'a Peer> {
        keys.iter().filter_map(|key| self.directory.peers.get(*key))
    }

    /// Answers `peers`.
    pub(crate) fn list_peers(&self, at: Target, skip: usize, rows: &Rows<'_, Self>, cx: &Cx<'_>) -> Value {
        let scope = self.scope(at, rows, cx);
        let rooms = self.rooms(&scope).into_iter();
        let mut below = rooms.flat_map(|room| self.peers(room, &scope)).skip(skip);
        let peers: Vec<Value> = below.by_ref().take(LIST).map(|(room, peer)| told_peer(room, peer)).collect();
        json!({ "peers": peers, "more": below.next().is_some() })
    }

    /// Answers `groups`.
    pub(crate) fn list_groups(&self, at: Target, skip: usize, rows: &Rows<'_, Self>, cx: &Cx<'_>) -> Value {
        let rooms = self.rooms(&self.scope(at, rows, cx)).into_iter();
        let all = rooms.flat_map(|(_, room)| {
            let groups = room.groups.sorted().into_iter().map(move |group| (room, "group", group));
            groups.chain(room.topics.sorted().into_iter().map(move |topic| (room, "topic", topic)))
        });
        let mut rest = all.skip(skip);
        let (mut groups, mut names) = (Vec::new(), 0);
        while groups.len() < LIST && names < NAMES_IN_ALL {
            let Some((room, what, circle)) = rest.next() else { break };
            let members = self.members(&circle.members).take(NAMES).map(|peer| &*peer.name.text);
            let members: Vec<&str> = members.collect();
            names += members.len();
            groups.push(json!({
                "room": *room.name,
                "router": room.router,
                what: *circle.name.text,
                "count": circle.members.len(),
                "members": members,
            }));
        }
        json!({ "groups": groups, "more": rest.next().is_some() })
    }

    /// Sends a message of an administrator, and answers how many got it.
    pub(crate) fn send(
        &self,
        (at, room): (Target, Option<&str>),
        to: &To,
        body: &Value,
        rows: &Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) -> Value {
        let (mut delivered, mut refused) = (0_u64, 0_u64);
        let rooms = self.rooms(&self.scope(at, rows, cx));
        let wanted = rooms.into_iter().map(|(_, room)| room);
        for room in wanted.filter(|it| room.is_none_or(|name| *it.name == *name)) {
            let (circle, peers) = addressees(room, to);
            let mut text = b"{\"v\":1,\"from\":\"\"".to_vec();
            if let Some((member, name)) = circle {
                text.extend_from_slice(member.as_bytes());
                text.extend_from_slice(name.json.as_bytes());
            }
            text.extend_from_slice(b",\"body\":");
            // Writing JSON into memory can't fail.
            let _ = serde_json::to_writer(&mut text, body);
            text.push(b'}');
            for inbox in self.members(&peers).flat_map(|peer| peer.inboxes.iter()) {
                let sent = send(cx, *inbox, Form::Text, &text);
                *if sent { &mut delivered } else { &mut refused } += 1;
            }
        }
        json!({ "delivered": delivered, "refused": refused })
    }
}

fn told_peer(room: &Room, peer: &Peer) -> Value {
    json!({
        "room": *room.name,
        "router": room.router,
        "peer": *peer.name.text,
        "dataProducers": peer.senders,
        "inboxes": peer.inboxes,
        "groups": names(&peer.groups),
        "topics": names(&peer.topics),
        "presence": peer.watches.is_some(),
        "messages": peer.messages,
        "bytes": peer.bytes,
        "dropped": peer.dropped,
    })
}

fn names(names: &[std::rc::Rc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

/// A group or topic as a member of an envelope, and its name.
type Told<'a> = (&'static str, &'a Label);

/// The peers of a room that a message of an administrator is for.
fn addressees<'a>(room: &'a Room, to: &To) -> (Option<Told<'a>>, Vec<Key>) {
    match to {
        To::Peer(name) => (None, room.peer(name).into_iter().collect()),
        To::Peers(names) => {
            let mut peers: Vec<Key> = Vec::new();
            for peer in names.iter().filter_map(|name| room.peer(name)) {
                if !peers.contains(&peer) {
                    peers.push(peer);
                }
            }
            (None, peers)
        }
        To::Group(name) => match room.groups.get(name) {
            Some(group) => (Some((",\"group\":", &group.name)), group.members.clone()),
            None => (None, Vec::new()),
        },
        To::Topic(name) => match room.topics.get(name) {
            Some(topic) => (Some((",\"topic\":", &topic.name)), topic.members.clone()),
            None => (None, Vec::new()),
        },
        To::All => (None, room.members().to_vec()),
    }
}
