//! What administrators ask.
use sfu_core::plugin::{Cx, Target};
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

impl DataRouter {
    /// Whether a peer is below a target.
    fn is_below(&self, peer: &Peer, at: Target, cx: &Cx<'_>) -> bool {
        let senders = peer.senders.iter().map(|id| Target::from(*id));
        let mut all = senders.chain(peer.ears.iter().map(|(id, _)| Target::from(*id)));
        at == Target::Worker || all.any(|target| cx.view().lineage(target).contains(&at))
    }

    /// Rooms of peers below a target.
    fn rooms_below(&self, at: Target, cx: &Cx<'_>) -> Vec<&Room> {
        let rooms = self.directory.rooms.iter().map(|(_, room)| room);
        let below = rooms.filter(|room| match at {
            Target::Worker => true,
            Target::Router(router) => room.router == router,
            _ => self.members(room.members()).any(|peer| self.is_below(peer, at, cx)),
        });
        below.collect()
    }

    fn members<'a>(&'a self, keys: &'a [Key]) -> impl Iterator<Item = &'a Peer> {
        keys.iter().filter_map(|key| self.directory.peers.get(*key))
    }

    /// Answers `peers`.
    pub(crate) fn list_peers(&self, at: Target, skip: usize, cx: &Cx<'_>) -> Value {
        let rooms = self.rooms_below(at, cx);
        let all =
            rooms.into_iter().flat_map(|room| self.members(room.members()).map(move |peer| (room, peer)));
        let mut below = all.filter(|(_, peer)| self.is_below(peer, at, cx)).skip(skip);
        let peers: Vec<Value> = below.by_ref().take(LIST).map(|(room, peer)| told_peer(room, peer)).collect();
        json!({ "peers": peers, "more": below.next().is_some() })
    }

    /// Answers `groups`.
    pub(crate) fn list_groups(&self, at: Target, skip: usize, cx: &Cx<'_>) -> Value {
        let rooms = self.rooms_below(at, cx);
        let all = rooms.into_iter().flat_map(|room| {
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
        at: Target,
        room: Option<&str>,
        to: &To,
        body: &Value,
        cx: &mut Cx<'_>,
    ) -> Value {
        let mut sent = [0_u64; 2];
        let rooms = self.rooms_below(at, cx);
        for room in rooms.into_iter().filter(|it| room.is_none_or(|name| *it.name == *name)) {
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
                let is_full = !send(cx, *inbox, Form::Text, &text);
                sent[usize::from(is_full)] += 1;
            }
        }
        json!({ "delivered": sent[0], "refused": sent[1] })
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
