//! Routers of streams, and the end of what was made here for plain RTP.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sfu_core::control::{
    Command, ControlError, ErrorKind, Event, EventBody, Labels, RouterId, Target, TransportId, WorkerStats,
};
use sfu_core::signaling::Shutdown;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::api::Api;
use crate::stream_name::StreamName;
use crate::streams::{gone_is_fine, is_of};

/// The label `role` of who sends media, as WHIP writes it too.
pub(crate) const PUBLISHER: &str = "publisher";
/// The label `role` of who receives media.
pub(crate) const VIEWER: &str = "viewer";

/// Transports often close in numbers; routers are looked at once after that.
const SETTLE: Duration = Duration::from_millis(500);

/// The labels of a stream's entities, alike for every signaling crate, and `via` for how media comes or goes.
pub(crate) fn labels(name: &StreamName, role: &str, via: &str) -> Labels {
    Labels::new().with("stream", name.as_str()).with("role", role).with("via", via)
}

/// The router of a stream: that of its publisher, else that of its viewers.
pub(crate) fn of_stream(stats: &WorkerStats, name: &StreamName) -> Option<RouterId> {
    let mut own = stats.transports.iter().filter(|transport| is_of(transport, name.as_str()));
    let publisher = own.clone().find(|transport| transport.labels.get("role") == Some(PUBLISHER));
    publisher.or_else(|| own.next()).map(|transport| transport.router)
}

/// What was made here, and nobody else would close.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Routers by stream.
    pub(crate) routers: BTreeMap<String, RouterId>,
    /// Transports that send plain RTP.
    pub(crate) senders: BTreeSet<TransportId>,
}

/// Follows events until the end, and closes what is of no use any more.
pub(crate) async fn follow(api: &Api, mut events: Receiver<Event>, mut stop: Shutdown) {
    loop {
        let event = tokio::select! {
            () = stop.wait() => return,
            event = events.recv() => event,
        };
        let ended = match event {
            Ok(event) => {
                matches!(event.target, Target::Transport(_) | Target::Consumer(_))
                    && matches!(event.body, EventBody::Closed(_))
            }
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return stop.wait().await,
        };
        if ended {
            tokio::select! {
                () = stop.wait() => return,
                () = tokio::time::sleep(SETTLE) => {}
            }
            // What was told until here, the sweep sees; what is told from here on, the next turn does.
            events = events.resubscribe();
            sweep(api).await;
        }
    }
}

/// Closes senders of plain RTP that nothing is left to send for, and routers made here that nobody is in.
pub(crate) async fn sweep(api: &Api) {
    let mut made = api.made.lock().await;
    let mut idle = Vec::new();
    for id in &made.senders {
        if is_empty(api.control.stats(Target::Transport(*id)).await, |stats| stats.consumers.is_empty()) {
            idle.push(*id);
        }
    }
    for id in idle {
        if closed(gone_is_fine(api.control.run(Command::CloseTransport(id)).await)) {
            made.senders.remove(&id);
        }
    }
    let mut empty = Vec::new();
    for (name, id) in &made.routers {
        if is_empty(api.control.stats(Target::Router(*id)).await, |stats| stats.transports.is_empty()) {
            empty.push((name.clone(), *id));
        }
    }
    for (name, id) in empty {
        if closed(gone_is_fine(api.control.run(Command::CloseRouter(id)).await)) {
            made.routers.remove(&name);
        }
    }
}

fn is_empty(stats: Result<WorkerStats, ControlError>, empty: impl FnOnce(&WorkerStats) -> bool) -> bool {
    match stats {
        Ok(stats) => empty(&stats),
        Err(error) => error.kind == ErrorKind::NotFound,
    }
}

fn closed(outcome: Result<(), ControlError>) -> bool {
    if let Err(error) = &outcome {
        tracing::warn!(%error, "admin: what nobody uses any more could not be closed");
    }
    outcome.is_ok()
}
