//! STUN of the peer: ICE checks and what they change.
use std::time::Instant;

use super::Engine;
use crate::control::{EventBody, IceState, TransportId};
use crate::net::{Protocol, Route};
use crate::transport::ice::{IceEvent, IceEvents, MAX_REPLY_LEN, Message};
use crate::transport::webrtc;

use super::transport::Link;

impl Engine {
    /// Takes a STUN message.
    pub(super) fn receive_stun(&mut self, now: Instant, route: Route, data: &[u8]) {
        let Ok(message) = Message::parse(data) else {
            self.counters.stun_unknown += 1;
            return;
        };
        // The username says whose check it is; a known path only tells whose socket it is.
        let named = message.ufrags().and_then(|(local, _)| self.demux.by_ufrag(local));
        let Some(id) = named.or_else(|| self.demux.transport(&route)) else {
            self.counters.stun_unknown += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(id) else { return };
        transport.counters.received.add(now, data.len());
        transport.counters.other_received.add(now, data.len());
        let Link::WebRtc(link) = &mut transport.link else {
            self.counters.stun_unknown += 1;
            return;
        };
        if !link.listen.iter().any(|own| own.socket == route.socket) && route.protocol == Protocol::Udp {
            self.counters.stun_unknown += 1;
            return;
        }
        let accepted = link.ice.counters().accepted;
        let mut reply = [0; MAX_REPLY_LEN];
        let outcome = link.ice.on_message(now, route, route.remote, &message, &mut reply);
        let is_valid = link.ice.is_validated(route);
        if link.ice.counters().accepted > accepted {
            self.counters.stun_authenticated += 1;
        }
        if let Some(reply) = outcome.reply_len.and_then(|len| reply.get(..len)) {
            transport.counters.sent.add(now, reply.len());
            transport.counters.other_sent.add(now, reply.len());
            self.outbox.push_single(route, |slot| {
                slot.get_mut(..reply.len())?.copy_from_slice(reply);
                Some(reply.len())
            });
        }
        if is_valid {
            self.demux.add_path(&route, id);
            if route.protocol == Protocol::Tcp {
                self.confirmed.push(route.socket);
            }
        }
        self.after_ice(now, id, &outcome.events);
    }

    /// A TCP connection closed.
    pub(crate) fn tcp_closed(&mut self, now: Instant, socket: crate::net::SocketId) {
        let Some(id) = self.demux.remove_connection(socket) else { return };
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Link::WebRtc(link) = &mut transport.link else { return };
        let Some(route) = link.ice.routes().iter().copied().find(|route| route.socket == socket) else {
            return;
        };
        let events = link.ice.remove_route(route);
        self.after_ice(now, id, &events);
    }

    /// Acts upon what ICE changed.
    pub(super) fn after_ice(&mut self, now: Instant, id: TransportId, events: &IceEvents<Route>) {
        let (mut selected, mut back) = (false, false);
        for event in events {
            match event {
                IceEvent::UfragRetired(ufrag) => self.demux.remove_ufrag(ufrag.as_str()),
                IceEvent::RouteRemoved(route) => self.demux.remove_path(route, id),
                IceEvent::Selected(_) => {
                    selected = true;
                    let tuple = self.transports.get(id).and_then(|transport| transport.tuple());
                    if let Some(tuple) = tuple {
                        self.change(id, EventBody::SelectedTuple(tuple));
                    }
                }
                IceEvent::StateChanged(state) => {
                    let state = webrtc::state(*state);
                    back |= matches!(state, IceState::Connected | IceState::Completed);
                    self.change(id, EventBody::IceState(state));
                }
            }
        }
        if selected {
            self.start_dtls(now, id);
        }
        // A peer that was away missed what decoders need.
        if back && self.transports.get(id).is_some_and(|transport| transport.is_connected()) {
            self.transport_connected(now, id);
        }
        let deadline = self.transports.get(id).and_then(|transport| match &transport.link {
            Link::WebRtc(link) => link.ice.poll_timeout(),
            Link::Plain(_) | Link::Direct(_) => None,
        });
        if let Some(deadline) = deadline {
            self.arm(id, deadline);
        }
    }
}
