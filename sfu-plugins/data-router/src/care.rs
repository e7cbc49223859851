//! Looking after peers: labels that changed, and what is gone without a word.
use std::time::Duration;

use sfu_core::plugin::{Cx, DataConsumerId, DataProducerId, Rows};

use crate::plugin::{DataRouter, Origin};
use crate::slab::Key;

/// Data producers and data consumers that are looked at at once.
const ENTITIES: usize = 1000;
/// How often.
const EVERY: Duration = Duration::from_secs(1);

impl DataRouter {
    /// Looks after some peers, once a second.
    pub(crate) fn look_after(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let now = cx.now();
        let (mut place, last) = self.next_peer;
        if last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            return;
        }
        let mut looked_at = 0;
        while looked_at < ENTITIES {
            let Some((key, behind)) = self.directory.peers.next(place) else {
                place = 0;
                break;
            };
            place = behind;
            let peer = self.directory.peers.get(key);
            looked_at += peer.map_or(0, |peer| peer.senders.len() + peer.ears.len());
            self.look_after_one(key, rows, cx);
        }
        self.next_peer = (place, Some(now));
    }

    fn look_after_one(&mut self, key: Key, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        // What the plugin was taken from after a panic is gone without `closed`.
        let gone = self.directory.retain(key, |id| rows.get(id).is_some(), |id| rows.get(id).is_some());
        if gone.is_some() {
            return self.tell_gone(gone, cx);
        }
        let Some(peer) = self.directory.peers.get(key) else { return };
        let view = cx.view();
        let senders = peer.senders.iter().filter(|id| {
            let labels = view.data_producer(**id).map(|view| view.labels);
            rows.get(**id).zip(labels).is_some_and(|(row, labels)| row.place.is_renamed(labels))
        });
        let senders: Vec<DataProducerId> = senders.copied().collect();
        let ears = peer.ears.iter().map(|(id, _)| id).filter(|id| {
            let labels = view.data_consumer(**id).map(|view| view.labels);
            rows.get(**id).zip(labels).is_some_and(|(row, labels)| row.place.is_renamed(labels))
        });
        let ears: Vec<DataConsumerId> = ears.copied().collect();
        for id in senders {
            self.move_sender(id, rows, cx);
        }
        for id in ears {
            self.move_ear(id, rows, cx);
        }
    }

    fn move_sender(&mut self, id: DataProducerId, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let Some(row) = rows.get_mut(id) else { return };
        let Some(view) = cx.view().data_producer(id) else { return };
        let (router, transport, session, labels) =
            (view.router, view.transport, view.session, view.labels.clone());
        let gone = self.directory.remove_sender(row.place.peer, id);
        self.tell_gone(gone, cx);
        let origin = Origin { router, transport, session, labels: &labels };
        row.place = self.admit(&origin, &row.place.options, cx);
        if let Some(peer) = self.directory.peers.get_mut(row.place.peer) {
            peer.senders.push(id);
        }
    }

    fn move_ear(&mut self, id: DataConsumerId, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let Some(row) = rows.get_mut(id) else { return };
        let Some(view) = cx.view().data_consumer(id) else { return };
        let (router, transport, session, labels) =
            (view.router, view.transport, view.session, view.labels.clone());
        let gone = self.directory.remove_ear(row.place.peer, id);
        self.tell_gone(gone, cx);
        let origin = Origin { router, transport, session, labels: &labels };
        row.place = self.admit(&origin, &row.place.options, cx);
        if let Some(peer) = self.directory.peers.get_mut(row.place.peer) {
            peer.add_ear(id, row.place.device);
        }
    }
}
