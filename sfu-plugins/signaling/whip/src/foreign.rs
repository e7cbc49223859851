//! Producers of a stream that were not made here: plain RTP through the admin API, another signaling crate, a plugin.
//!
//! Whoever labels a producer with `stream` and with `role` = `publisher` publishes that stream; viewers may watch it.
//! We do not decide about the life of such a producer, but for a takeover.
use std::sync::Arc;
use std::time::SystemTime;

use sfu_core::control::{
    ControlError, ErrorKind, Labels, ProducerId, RouterId, Target, TransportId, WorkerStats,
};

use crate::hub::{Entry, Hub, Removed, State, now};
use crate::resource::{Produced, Role, VIA, VIA_WHIP};
use crate::stream_name::StreamName;
use crate::{handover, negotiate};

/// A producer that we heard of.
pub(crate) struct Foreign {
    stream: StreamName,
    /// `None` as long as the worker is asked what it is.
    live: Option<Live>,
    /// Encodings that began meanwhile.
    early: u64,
}

/// What is known of it.
pub(crate) struct Live {
    pub(crate) produced: Produced,
    transport: TransportId,
    /// Something arrived.
    pub(crate) started: bool,
    pub(crate) since: SystemTime,
    /// Encodings that packets come of, one bit each: plain RTP has no other goodbye than silence.
    sending: u64,
}

impl Live {
    /// Packets came, and none come any more.
    pub(crate) fn is_silent(&self) -> bool {
        self.started && self.sending == 0
    }
}

/// The bit of an encoding.
fn bit(encoding: u8) -> u64 {
    1u64.checked_shl(encoding.into()).unwrap_or_default()
}

/// The stream that a producer with these labels publishes, if it was not made here.
fn stream_of(labels: &Labels) -> Option<StreamName> {
    let publishes = labels.get("role") == Some(Role::Publisher.name());
    if !publishes || labels.get(VIA) == Some(VIA_WHIP) {
        return None;
    }
    StreamName::parse(labels.get("stream")?).ok()
}

/// A producer was made: asks what it is and lets viewers have it, in the background.
pub(crate) fn opened(hub: &Arc<Hub>, id: ProducerId, labels: &Labels) {
    let Some(stream) = stream_of(labels) else { return };
    {
        let mut state = hub.lock();
        if state.stopping || state.foreign.contains_key(&id) {
            return;
        }
        state.foreign.insert(id, Foreign { stream, live: None, early: 0 });
    }
    let hub = hub.clone();
    tokio::spawn(async move {
        match ask(&hub, id).await {
            Ok(Some((live, router))) => enter(&hub, id, live, router),
            Ok(None) => closed(&hub, id),
            Err(error) => {
                if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Stopped) {
                    tracing::warn!(producer = %id, %error, "whep: what somebody else publishes can't be watched");
                }
                closed(&hub, id);
            }
        }
    });
}

/// What the worker knows of a producer; `None` if it only stands for one of another media thread.
async fn ask(hub: &Hub, id: ProducerId) -> Result<Option<(Live, RouterId)>, ControlError> {
    let figures = hub.control.stats(Target::Producer(id)).await?;
    let Some(found) = figures.producers.iter().find(|producer| producer.id == id) else { return Ok(None) };
    let description = hub.control.describe_producer(id).await?;
    let produced = negotiate::described(&description)
        .map_err(|error| ControlError::unsupported(format!("whep.foreign: {error}")))?;
    let started = !found.streams.is_empty();
    let sending =
        found.streams.iter().filter(|s| s.score > 0).fold(0, |all, stream| all | bit(stream.encoding));
    let live = Live { produced, transport: found.transport, started, since: SystemTime::now(), sending };
    Ok(Some((live, description.router)))
}

fn enter(hub: &Arc<Hub>, id: ProducerId, mut live: Live, router: RouterId) {
    let mut removed = Removed::default();
    let name = {
        let mut state = hub.lock();
        let full = state.streams.len() >= hub.config.max_streams;
        let State { streams, foreign, .. } = &mut *state;
        // It may have closed meanwhile.
        let Some(known) = foreign.get_mut(&id) else { return };
        let name = known.stream.clone();
        if full && !streams.contains_key(&name) {
            tracing::warn!(stream = %name, "whep: there are as many streams as max_streams allows; this one can't be watched");
            foreign.remove(&id);
            return;
        }
        let entry = streams.entry(name.clone()).or_insert_with(|| hub.new_entry(router.worker()));
        match entry.router {
            Some(own) if own == router => {}
            // Consumers stay in the router of their producer.
            Some(_) if entry.stream.is_published() || entry.stream.is_setting_up() => {
                tracing::warn!(
                    stream = %name, producer = %id, %router,
                    "whep: somebody publishes the stream in another router than the first publisher; this can't be watched"
                );
                foreign.remove(&id);
                return;
            }
            _ => removed.routers.extend(entry.move_to(router)),
        }
        let codec = live.produced.codec();
        tracing::info!(stream = %name, producer = %id, codec, "whep: a stream that is published elsewhere can be watched");
        entry.foreign.push(id);
        entry.stream.others_began();
        live.started |= known.early != 0;
        live.sending |= known.early;
        known.live = Some(live);
        name
    };
    hub.tell_change();
    handover::begin(hub, &name, handover::Cause::Addition, removed);
}

/// A producer is gone. Those of other places are not known here.
pub(crate) fn closed(hub: &Arc<Hub>, id: ProducerId) {
    let removed = {
        let mut state = hub.lock();
        let Some(known) = state.foreign.remove(&id) else { return };
        if known.live.is_some() {
            tracing::info!(stream = %known.stream, producer = %id, "whep: what was published elsewhere ended");
        }
        if let Some(entry) = state.streams.get_mut(&known.stream) {
            entry.forget_foreign(id);
        }
        Removed { routers: state.sweep(&known.stream).into_iter().collect(), ..Removed::default() }
    };
    hub.tell_change();
    hub.finish_soon(removed);
}

/// The first packet of an encoding arrived, or its score changed: 0 says that nothing comes any more.
pub(crate) fn heard(hub: &Hub, id: ProducerId, encoding: u8, score: u8) {
    let mut state = hub.lock();
    let Some(known) = state.foreign.get_mut(&id) else { return };
    let Some(live) = &mut known.live else {
        if score > 0 {
            known.early |= bit(encoding)
        } else {
            known.early &= !bit(encoding)
        }
        return;
    };
    let before = (live.started, live.is_silent());
    live.started |= score > 0;
    if score > 0 {
        live.sending |= bit(encoding)
    } else {
        live.sending &= !bit(encoding)
    }
    let changed = before != (live.started, live.is_silent());
    drop(state);
    if changed {
        hub.tell_change();
    }
}

/// Compares with what the worker has: at the start, and after events were missed.
pub(crate) fn resync(hub: &Arc<Hub>, stats: &WorkerStats) {
    let known: Vec<ProducerId> = hub.lock().foreign.keys().copied().collect();
    for id in known {
        if !stats.producers.iter().any(|producer| producer.id == id) {
            closed(hub, id);
        }
    }
    for producer in &stats.producers {
        opened(hub, producer.id, &producer.labels);
        for stream in &producer.streams {
            heard(hub, producer.id, stream.encoding, stream.score);
        }
    }
}

impl Entry {
    fn forget_foreign(&mut self, id: ProducerId) {
        self.foreign.retain(|other| *other != id);
        if self.foreign.is_empty() {
            self.stream.others_ended(now());
        }
    }
}

impl State {
    /// The producers of a stream that others made.
    pub(crate) fn foreign_of<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Live> + 'a {
        entry.foreign.iter().filter_map(|id| self.foreign.get(id)?.live.as_ref())
    }

    /// Whether others alone publish it, and nothing comes of them any more.
    pub(crate) fn is_silent(&self, entry: &Entry) -> bool {
        let mut foreign = self.foreign_of(entry).filter(|live| live.started).peekable();
        entry.stream.publisher().is_none() && foreign.peek().is_some() && foreign.all(Live::is_silent)
    }

    /// Whether the worker is being asked about a producer of that stream.
    pub(crate) fn is_asking(&self, name: &StreamName) -> bool {
        self.foreign.values().any(|known| known.live.is_none() && known.stream == *name)
    }

    /// Whether somebody else publishes a kind of what is in `produced`.
    pub(crate) fn has_rivals(&self, name: &StreamName, is_rival: impl Fn(&Produced) -> bool) -> bool {
        let Some(entry) = self.streams.get(name) else { return false };
        self.foreign_of(entry).any(|live| is_rival(&live.produced))
    }

    /// Takes what others publish, and a new publisher publishes now, out of the books; it is to be closed.
    pub(crate) fn replace_foreign(
        &mut self,
        name: &StreamName,
        is_rival: impl Fn(&Produced) -> bool,
    ) -> Vec<(ProducerId, TransportId)> {
        let Some(entry) = self.streams.get(name) else { return Vec::new() };
        let rivals = self.foreign_of(entry).filter(|live| is_rival(&live.produced));
        let rivals: Vec<_> = rivals.map(|live| (live.produced.id, live.transport)).collect();
        for (id, _) in &rivals {
            self.foreign.remove(id);
            if let Some(entry) = self.streams.get_mut(name) {
                entry.forget_foreign(*id);
            }
            tracing::info!(stream = %name, producer = %id, "whip: a publisher takes over from what was published elsewhere");
        }
        rivals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_publishers_of_a_stream_that_we_did_not_make_are_foreign() {
        let labels = Labels::new().with("stream", "room/cam").with("role", "publisher");
        assert!(stream_of(&labels).is_some());
        assert!(stream_of(&labels.clone().with("via", "rtp-in")).is_some());
        assert!(stream_of(&labels.clone().with("via", "whip")).is_none());
        assert!(stream_of(&labels.clone().with("role", "viewer")).is_none());
        assert!(stream_of(&labels.clone().with("stream", "../x")).is_none());
        assert!(stream_of(&Labels::new().with("stream", "a")).is_none());
        assert!(stream_of(&Labels::new().with("role", "publisher")).is_none());
        let made_here = Role::Publisher.labels(&StreamName::parse("a").unwrap());
        assert!(stream_of(&made_here).is_none());
    }
}
