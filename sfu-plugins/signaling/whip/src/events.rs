//! What the worker tells, applied to streams and sessions.
use std::sync::Arc;

use sfu_core::control::{
    CloseReason, DtlsState, Event, EventBody, IceState, Target, TransportId, WorkerStats,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::foreign;
use crate::hub::{Hub, now};
use crate::resource::ResourceId;

/// Follows events until the worker is gone.
pub(crate) async fn follow(hub: &Arc<Hub>, mut events: Receiver<Event>) {
    // Somebody may have published before we began to listen.
    match hub.control.stats(Target::Worker).await {
        Ok(stats) => foreign::resync(hub, &stats),
        Err(error) => tracing::warn!(%error, "whep: what is published already is not known"),
    }
    loop {
        match events.recv().await {
            Ok(event) => apply(hub, &event),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "whip: events were missed; asking for the state of all transports");
                // What happens from here on is an event again, so nothing falls between.
                events = events.resubscribe();
                match hub.control.stats(Target::Worker).await {
                    Ok(stats) => resync(hub, &stats),
                    Err(error) => tracing::warn!(%error, "whip: the state of transports is not known"),
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn apply(hub: &Arc<Hub>, event: &Event) {
    match (&event.body, event.target) {
        (EventBody::IceState(state), Target::Transport(id)) => {
            if let Some(id) = session_of(hub, id.into()) {
                ice(hub, id, *state);
            }
        }
        (EventBody::DtlsState(state), Target::Transport(id)) => {
            if let Some(id) = session_of(hub, id.into()) {
                dtls(hub, id, *state);
            }
        }
        (EventBody::Closed(_), Target::Router(router)) => {
            for entry in hub.lock().streams.values_mut().filter(|entry| entry.router == Some(router)) {
                entry.router_closed();
            }
        }
        (EventBody::Opened { labels }, Target::Producer(id)) => foreign::opened(hub, id, labels),
        (EventBody::StreamStarted { .. }, Target::Producer(id)) => foreign::started(hub, id),
        (EventBody::Closed(_), target @ Target::Producer(id)) => {
            foreign::closed(hub, id);
            producer_closed(hub, target);
        }
        (EventBody::Closed(reason), target) => {
            if let Some(id) = session_of(hub, target) {
                hub.close_soon(id, why(*reason));
            }
        }
        _ => {}
    }
}

fn why(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Requested => "it was closed by request",
        CloseReason::Parent => "its room was closed",
        CloseReason::Peer => "the peer said goodbye",
        CloseReason::Plugin => "a plugin closed it",
        CloseReason::Shutdown => "the worker stops",
    }
}

fn session_of(hub: &Hub, target: Target) -> Option<ResourceId> {
    hub.lock().entities.get(&target).copied()
}

fn ice(hub: &Hub, id: ResourceId, state: IceState) {
    {
        let mut state_of_all = hub.lock();
        let Some(name) = state_of_all.resources.get(&id).map(|resource| resource.stream.clone()) else {
            return;
        };
        let Some(entry) = state_of_all.streams.get_mut(&name) else { return };
        match state {
            IceState::New => return,
            IceState::Connected | IceState::Completed => entry.stream.connected(id),
            IceState::Disconnected => entry.stream.lost(id, now()),
        }
    }
    hub.tell_change();
}

fn dtls(hub: &Arc<Hub>, id: ResourceId, state: DtlsState) {
    match state {
        DtlsState::Failed => hub.close_soon(id, "DTLS failed"),
        DtlsState::Closed => hub.close_soon(id, "the peer said goodbye"),
        _ => {}
    }
}

/// A publisher none of whose producers is left (a plugin or the admin API closed them) publishes nothing.
fn producer_closed(hub: &Arc<Hub>, target: Target) {
    let orphan = {
        let mut state = hub.lock();
        let Some(id) = state.entities.remove(&target) else { return };
        let left = state.resources.get(&id).is_some_and(|resource| {
            resource.producers.iter().any(|producer| state.entities.contains_key(&producer.id.into()))
        });
        (!left).then_some(id)
    };
    if let Some(id) = orphan {
        hub.close_soon(id, "all it published was closed");
    }
}

fn resync(hub: &Arc<Hub>, stats: &WorkerStats) {
    foreign::resync(hub, stats);
    let known: Vec<(ResourceId, TransportId)> =
        hub.lock().resources.values().map(|resource| (resource.id, resource.transport)).collect();
    for (id, transport) in known {
        let Some(found) = stats.transports.iter().find(|stats| stats.id == transport) else {
            // One that was entered after the figures were taken is found here, too: ask whether it is new.
            if hub.resource(id).is_some_and(|r| r.since.elapsed().is_ok_and(|age| age.as_secs() >= 1)) {
                hub.close_soon(id, "it is not there any more");
            }
            continue;
        };
        if let Some(state) = found.ice_state {
            ice(hub, id, state);
        }
        if let Some(state) = found.dtls_state {
            dtls(hub, id, state);
        }
    }
}
