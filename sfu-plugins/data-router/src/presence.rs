//! Telling peers who is in their room, who comes and who goes.
use std::time::Duration;

use sfu_core::plugin::Cx;

use crate::directory::Directory;
use crate::message::Form;
use crate::notice;
use crate::peer::Peer;
use crate::plugin::{DataRouter, Place, send};
use crate::room::{Room, Telling};

/// Copies of news that are sent in one turn at the most: half of the commands that a plugin has.
const NEWS_A_TURN: usize = 512;
/// When the rest is sent.
const NEXT_NEWS: Duration = Duration::from_millis(1);

impl DataRouter {
    /// Tells a peer who is in its room.
    pub(crate) fn tell_present(&mut self, place: &Place, form: Form, cx: &mut Cx<'_>) {
        let Directory { rooms, peers, .. } = &mut self.directory;
        let Some(peer) = peers.get(place.peer) else { return };
        let Some(room) = rooms.get(peer.room) else { return };
        let ear = peer.ear(place.device);
        let messages = room.members().chunks(notice::NAMES);
        let count = messages.len();
        for (at, members) in messages.enumerate() {
            let names = members.iter().filter_map(|key| peers.get(*key)).map(|peer| &peer.name);
            notice::present(form, &peer.name, names, at + 1 < count, &mut self.routing.notice);
            let sent = ear.is_some_and(|ear| send(cx, ear, form, &self.routing.notice));
            self.counts.note(sent);
        }
        if let Some(peer) = peers.get_mut(place.peer) {
            peer.charge(count.saturating_sub(1));
        }
    }

    /// Tells those who watch a room who came and went: as many of them as one turn has room for, the others in the next one.
    pub(crate) fn tell_news(&mut self, cx: &mut Cx<'_>) {
        let Directory { rooms, peers, .. } = &mut self.directory;
        let mut left = NEWS_A_TURN;
        for _ in 0..rooms.len() {
            let next = rooms.next(self.next_room).or_else(|| rooms.next(0));
            let Some((key, behind)) = next else { return };
            let Some(room) = rooms.get_mut(key) else { return };
            loop {
                begin(room);
                let Room { telling: begun, watchers, .. } = &mut *room;
                let Some(telling) = begun else { break };
                let Some(watcher) = watchers.get(telling.next) else {
                    *begun = None;
                    continue;
                };
                let inbox = peers.get(*watcher).and_then(told);
                let sent = match inbox {
                    Some((ear, form)) => {
                        let message = if form == Form::Text { &telling.text } else { &telling.binary };
                        left > 0 && send(cx, ear, form, message)
                    }
                    None => false,
                };
                if !sent && inbox.is_some() {
                    // The next turn goes on here.
                    cx.wake_at(cx.now() + NEXT_NEWS);
                    return;
                }
                telling.next += 1;
                left -= usize::from(sent);
                self.counts.note(sent);
            }
            self.next_room = behind;
        }
    }
}

/// Where a watcher hears, and in which form.
fn told(peer: &Peer) -> Option<(sfu_core::plugin::DataConsumerId, Form)> {
    Some((*peer.inboxes.first()?, peer.watches?))
}

/// Begins to tell a room what waits, unless it is being told something.
fn begin(room: &mut Room) {
    if room.telling.is_none() && !room.news.is_empty() {
        let rest = room.news.split_off(room.news.len().min(notice::NAMES));
        let news = std::mem::replace(&mut room.news, rest);
        let mut telling = Telling::default();
        notice::changed(Form::Text, &news, &mut telling.text);
        notice::changed(Form::Binary, &news, &mut telling.binary);
        room.telling = Some(telling);
    }
}
