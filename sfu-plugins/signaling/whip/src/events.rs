//! What the worker tells, applied to streams and sessions.
use std::sync::Arc;

use sfu_core::control::{
    CloseReason, DtlsState, Event, EventBody, IceState, Target, TransportId, WorkerStats,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{mpsc, oneshot};

use crate::foreign;
use crate::hub::{Hub, now};
use crate::resource::ResourceId;

/// The score of a stream of which everything arrives.
const MAX_SCORE: u8 = 10;

/// Follows events until the worker is gone, and answers those who ask whether all so far are applied.
pub(crate) async fn follow(
    hub: &Arc<Hub>,
    mut events: Receiver<Event>,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
) {
    // Somebody may have published before we began to listen.
    match hub.control.stats(Target::Worker).await {
        Ok(stats) => foreign::resync(hub, &stats),
        Err(error) => tracing::warn!(%error, "whep: what is published already is not known"),
    }
    loop {
        let (missed, asker) = tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    apply(hub, &event);
                    continue;
                }
                Err(RecvError::Lagged(missed)) => (missed, None),
                Err(RecvError::Closed) => return,
            },
            Some(asker) = asked.recv() => (apply_waiting(hub, &mut events), Some(asker)),
        };
        if missed > 0 {
            events = catch_up(hub, events, missed).await;
        }
        if let Some(asker) = asker {
            let _ = asker.send(());
        }
    }
}

/// Applies the events that wait now; answers how many were missed among them.
fn apply_waiting(hub: &Arc<Hub>, events: &mut Receiver<Event>) -> u64 {
    // A storm of new ones must not keep anybody waiting.
    for _ in 0..events.len() {
        match events.try_recv() {
            Ok(event) => apply(hub, &event),
            Err(TryRecvError::Lagged(missed)) => return missed,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    0
}

/// Asks for the state after events were missed.
async fn catch_up(hub: &Arc<Hub>, events: Receiver<Event>, missed: u64) -> Receiver<Event> {
    tracing::warn!(missed, "whip: events were missed; asking for the state of all transports");
    // What happens from here on is an event again, so nothing falls between.
    let events = events.resubscribe();
    match hub.control.stats(Target::Worker).await {
        Ok(stats) => resync(hub, &stats),
        Err(error) => tracing::warn!(%error, "whip: the state of transports is not known"),
    }
    events
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
        (EventBody::StreamStarted { encoding, .. }, Target::Producer(id)) => {
            foreign::heard(hub, id, *encoding, MAX_SCORE);
        }
        (EventBody::Score { encoding, score }, Target::Producer(id)) => {
            foreign::heard(hub, id, *encoding, *score);
        }
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
