//! All streams and sessions of this signaling, and the way to close them.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt;
use sfu_core::control::{
    Command, ControlHandle, ErrorKind, MediaKind, ProducerId, RouterId, SessionId, Target, TransportId,
};
use sfu_core::signaling::Shutdown;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::config::Config;
use crate::foreign::Foreign;
use crate::problem::Problem;
use crate::resource::{Produced, Resource, ResourceId, Role};
use crate::stream::{Overdue, Policy, Refusal, Stream};
use crate::stream_name::StreamName;
use crate::tokens::Tokens;

/// How many commands a handover or a shutdown has under way at a time.
pub(crate) const AT_A_TIME: usize = 32;

/// Requests that may wait for the follower of events at a time; more wait for their turn.
const QUESTIONS: usize = 64;

/// What every request handler and background task shares.
pub(crate) struct Hub {
    pub(crate) control: ControlHandle,
    pub(crate) config: Config,
    pub(crate) tokens: Tokens,
    pub(crate) waiting: Semaphore,
    pub(crate) event_streams: Arc<Semaphore>,
    pub(crate) stop: Shutdown,
    /// Asks who follows events to say when all that were told so far are applied.
    follower: mpsc::Sender<oneshot::Sender<()>>,
    policy: Policy,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

/// What is behind the lock; held for moments only, never over an await.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) streams: HashMap<StreamName, Entry>,
    pub(crate) resources: HashMap<ResourceId, Arc<Resource>>,
    pub(crate) entities: HashMap<Target, ResourceId>,
    /// Producers of others, by which streams can be watched as well.
    pub(crate) foreign: HashMap<ProducerId, Foreign>,
    pub(crate) stopping: bool,
}

/// A stream and its place in the worker.
pub(crate) struct Entry {
    pub(crate) stream: Stream<ResourceId>,
    pub(crate) router: Option<RouterId>,
    /// The router is ours to close.
    owns_router: bool,
    pub(crate) published_since: Option<SystemTime>,
    /// What others publish in it.
    pub(crate) foreign: Vec<ProducerId>,
    worker: u8,
}

impl Entry {
    /// Goes over to a router of somebody else; answers with the one to be closed.
    pub(crate) fn move_to(&mut self, router: RouterId) -> Option<RouterId> {
        self.worker = router.worker();
        let before = self.router.replace(router);
        before.filter(|_| std::mem::take(&mut self.owns_router))
    }

    /// The router is closed.
    pub(crate) fn router_closed(&mut self) {
        self.router = None;
        self.owns_router = false;
    }
}

/// What is to be closed in the worker after something left the books.
#[must_use]
#[derive(Default)]
pub(crate) struct Removed {
    pub(crate) sessions: Vec<SessionId>,
    /// Producers of others, each with its transport.
    pub(crate) foreign: Vec<(ProducerId, TransportId)>,
    pub(crate) routers: Vec<RouterId>,
}

impl Removed {
    /// Whether nothing is to be closed.
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.foreign.is_empty() && self.routers.is_empty()
    }
}

/// The time, on tokio's clock, which tests can stop.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Hub {
    /// A hub, and the questions to whom follows events for it.
    pub(crate) fn new(
        config: Config,
        tokens: Tokens,
        control: ControlHandle,
        stop: Shutdown,
    ) -> (Arc<Self>, mpsc::Receiver<oneshot::Sender<()>>) {
        let (follower, asked) = mpsc::channel(QUESTIONS);
        let hub = Arc::new(Hub {
            control,
            tokens,
            waiting: Semaphore::new(config.max_waiting),
            event_streams: Arc::new(Semaphore::new(config.max_event_streams)),
            stop,
            policy: Policy::of(&config),
            state: Mutex::default(),
            changed: watch::Sender::new(0),
            follower,
            config,
        });
        (hub, asked)
    }

    /// Waits until all events that were told so far are applied: what a client's earlier request to the worker made is
    /// known here then. At once when nobody follows events any more.
    pub(crate) async fn catch_up(&self) {
        let (done, heard) = oneshot::channel();
        if self.follower.send(done).await.is_ok() {
            let _ = heard.await;
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Tells waiters and listings that something changed.
    pub(crate) fn tell_change(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// 503 once the worker stops.
    pub(crate) fn check_running(&self) -> Result<(), Problem> {
        if self.stop.is_stopping() || self.lock().stopping {
            return Err(Problem::unavailable("whip: the worker is stopping; try another one"));
        }
        Ok(())
    }

    /// The session of that id.
    pub(crate) fn resource(&self, id: ResourceId) -> Option<Arc<Resource>> {
        self.lock().resources.get(&id).cloned()
    }

    /// A stream that nobody is in yet, on a media thread.
    pub(crate) fn new_entry(&self, worker: u8) -> Entry {
        Entry {
            stream: Stream::new(self.policy),
            router: None,
            owns_router: false,
            published_since: None,
            foreign: Vec::new(),
            worker,
        }
    }

    /// Reserves a stream for a publisher of these kinds whose set-up begins; answers with its media thread and its
    /// router, if made.
    pub(crate) fn admit_publisher(
        &self,
        name: &StreamName,
        id: ResourceId,
        kinds: &[MediaKind],
    ) -> Result<(u8, Option<RouterId>), Problem> {
        self.check_running()?;
        let mut state = self.lock();
        if !state.streams.contains_key(name) && state.streams.len() >= self.config.max_streams {
            return Err(Problem::unavailable(
                "whip.publish: there are as many streams as max_streams allows",
            ));
        }
        let rivals = state.has_rivals(name, |producer| kinds.contains(&producer.kind));
        let new = || self.new_entry(self.control.pick_worker());
        let entry = state.streams.entry(name.clone()).or_insert_with(new);
        match entry.stream.admit_publisher(id, rivals) {
            Ok(()) => Ok((entry.worker, entry.router)),
            Err(_) => Err(Problem::new(
                axum::http::StatusCode::CONFLICT,
                format!("whip.publish: `{name}` is being published already"),
            )),
        }
    }

    /// Reserves a place for a viewer; answers with the router, what is published and the epoch.
    pub(crate) fn admit_viewer(
        &self,
        name: &StreamName,
        id: ResourceId,
    ) -> Result<(RouterId, Vec<Produced>, u64), Problem> {
        self.check_running()?;
        let mut state = self.lock();
        let absent = || {
            Problem::not_found(format!("whep: nobody publishes `{name}` now"))
                .retry_after(self.config.retry_after_s)
        };
        let published = state.published(name);
        let entry = state.streams.get_mut(name).filter(|_| !published.is_empty()).ok_or_else(absent)?;
        let router = entry.router.ok_or_else(absent)?;
        match entry.stream.admit_viewer(id) {
            Ok(()) => Ok((router, published, entry.stream.epoch())),
            Err(Refusal::Full) => Err(Problem::unavailable(
                "whep: the stream has as many viewers as max_viewers_per_stream allows",
            )),
            Err(_) => Err(absent()),
        }
    }

    /// Whether a viewer would find a publisher.
    pub(crate) fn is_published(&self, name: &StreamName) -> bool {
        self.lock().streams.get(name).is_some_and(|entry| entry.stream.is_published())
    }

    /// Whether media can come of it: it is published, and not by plain RTP that has fallen silent.
    pub(crate) fn is_sending(&self, name: &StreamName) -> bool {
        let state = self.lock();
        state.streams.get(name).is_some_and(|entry| entry.stream.is_published() && !state.is_silent(entry))
    }

    /// Whether others publish it, alone.
    pub(crate) fn is_foreign(&self, name: &StreamName) -> bool {
        let state = self.lock();
        let foreign = |entry: &Entry| !entry.foreign.is_empty() && entry.stream.publisher().is_none();
        state.streams.get(name).is_some_and(foreign)
    }

    /// Grows with each publisher of a stream; 0 without a stream.
    pub(crate) fn epoch(&self, name: &StreamName) -> u64 {
        self.lock().streams.get(name).map_or(0, |entry| entry.stream.epoch())
    }

    /// Keeps the router that a publisher's set-up made.
    ///
    /// Answers with the one to use, which is another if others began to publish the stream meanwhile.
    pub(crate) fn keep_router(&self, name: &StreamName, router: RouterId) -> RouterId {
        let mut state = self.lock();
        let Some(entry) = state.streams.get_mut(name) else { return router };
        if entry.router.is_none() {
            entry.router = Some(router);
            entry.owns_router = true;
        }
        entry.router.unwrap_or(router)
    }

    /// Enters a session that is set up. `None` when the worker began to stop meanwhile.
    ///
    /// Returns those that a publisher replaces, who have left the books and must be closed after the handover.
    pub(crate) fn enter(&self, resource: Resource) -> Option<(Arc<Resource>, Removed)> {
        let resource = Arc::new(resource);
        let mut removed = Removed::default();
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        let entry = state.streams.get_mut(&resource.stream)?;
        let mut replaced = None;
        let takes_over = entry.stream.takes_over() && resource.role == Role::Publisher;
        match resource.role {
            Role::Publisher => {
                replaced = entry.stream.publisher_ready(resource.id, now());
                entry.published_since = Some(resource.since);
            }
            Role::Viewer => entry.stream.viewer_ready(resource.id, now()),
        }
        for target in targets(&resource) {
            state.entities.insert(target, resource.id);
        }
        state.resources.insert(resource.id, resource.clone());
        resource.log_begin();
        if let Some(replaced) = replaced.and_then(|id| state.forget(id, "another publisher replaced it")) {
            removed.sessions.push(replaced.session);
        }
        if takes_over {
            let is_rival = |other: &Produced| resource.producers.iter().any(|own| own.kind == other.kind);
            removed.foreign = state.replace_foreign(&resource.stream, is_rival);
        }
        drop(state);
        self.tell_change();
        Some((resource, removed))
    }

    /// Takes a session, or a set-up that failed, out of the books; `why` is for the log.
    pub(crate) fn remove(&self, name: &StreamName, id: ResourceId, why: &str) -> Removed {
        let mut removed = Removed::default();
        let mut state = self.lock();
        if let Some(resource) = state.forget(id, why) {
            removed.sessions.push(resource.session);
        }
        if let Some(entry) = state.streams.get_mut(name) {
            let publisher = entry.stream.publisher();
            entry.stream.left(id, now());
            if publisher == Some(id) {
                entry.published_since = None;
            }
        }
        removed.routers.extend(state.sweep(name));
        drop(state);
        self.tell_change();
        removed
    }

    /// Takes a session out of the books and closes it, in the background.
    pub(crate) fn close_soon(self: &Arc<Self>, id: ResourceId, why: &str) {
        if let Some(resource) = self.resource(id) {
            let removed = self.remove(&resource.stream, id, why);
            self.finish_soon(removed);
        }
    }

    pub(crate) fn finish_soon(self: &Arc<Self>, removed: Removed) {
        if removed.is_empty() {
            return;
        }
        let hub = self.clone();
        tokio::spawn(async move { hub.finish(removed).await });
    }

    /// Closes in the worker what left the books: sessions first, then empty rooms.
    pub(crate) async fn finish(&self, removed: Removed) {
        let sessions = removed.sessions.into_iter().map(Command::CloseSession);
        self.close_all_of(sessions).await;
        for (producer, transport) in &removed.foreign {
            let others = match self.control.stats(Target::Transport(*transport)).await {
                Ok(stats) => {
                    !stats.consumers.is_empty()
                        || stats.producers.iter().any(|p| removed.foreign.iter().all(|(id, _)| *id != p.id))
                }
                Err(_) => continue,
            };
            let close =
                if others { Command::CloseProducer(*producer) } else { Command::CloseTransport(*transport) };
            self.close_all_of(std::iter::once(close)).await;
        }
        self.close_all_of(removed.routers.into_iter().map(Command::CloseRouter)).await;
    }

    async fn close_all_of(&self, commands: impl Iterator<Item = Command>) {
        futures_util::stream::iter(commands)
            .for_each_concurrent(AT_A_TIME, |command| async {
                match self.control.run(command).await {
                    Err(error) if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Stopped) => {
                        tracing::warn!(%error, "whip: closing failed");
                    }
                    _ => {}
                }
            })
            .await;
    }

    /// Closes peers whose time is over, four times a second, for ever.
    pub(crate) async fn keep_time(self: &Arc<Self>) {
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let gone: Vec<(StreamName, ResourceId, Overdue)> = {
                let mut state = self.lock();
                let at = now();
                let poll = |(name, entry): (&StreamName, &mut Entry)| {
                    let gone = entry.stream.poll(at);
                    if entry.stream.publisher().is_none() {
                        entry.published_since = None;
                    }
                    gone.into_iter().map(|(id, why)| (name.clone(), id, why)).collect::<Vec<_>>()
                };
                state.streams.iter_mut().flat_map(poll).collect()
            };
            for (name, id, why) in gone {
                let removed = self.remove(&name, id, why.text());
                self.finish_soon(removed);
            }
        }
    }

    /// Refuses what is new and closes everything.
    pub(crate) async fn shut_down(&self) {
        let mut removed = Removed::default();
        {
            let mut state = self.lock();
            state.stopping = true;
            removed.sessions.extend(state.resources.drain().map(|(_, resource)| {
                resource.log_end("the worker stops");
                resource.session
            }));
            let own = |(_, entry): (StreamName, Entry)| entry.router.filter(|_| entry.owns_router);
            removed.routers.extend(state.streams.drain().filter_map(own));
            state.entities.clear();
            state.foreign.clear();
        }
        self.tell_change();
        self.finish(removed).await;
    }
}

impl State {
    /// Takes a session out of the tables, not out of its stream.
    fn forget(&mut self, id: ResourceId, why: &str) -> Option<Arc<Resource>> {
        let resource = self.resources.remove(&id)?;
        resource.log_end(why);
        for target in targets(&resource) {
            self.entities.remove(&target);
        }
        Some(resource)
    }

    /// Drops a stream that nobody is left of; its room is to be closed if it is ours.
    pub(crate) fn sweep(&mut self, name: &StreamName) -> Option<RouterId> {
        let over = self.streams.get(name).is_some_and(|entry| entry.stream.is_over());
        if over && !self.is_asking(name) {
            return self.streams.remove(name).filter(|entry| entry.owns_router)?.router;
        }
        None
    }

    /// What viewers of a stream can be given: the publisher's producers, then those of others.
    pub(crate) fn published(&self, name: &StreamName) -> Vec<Produced> {
        let Some(entry) = self.streams.get(name) else { return Vec::new() };
        let publisher = entry.stream.publisher().and_then(|id| self.resources.get(&id));
        let own = publisher.map(|publisher| publisher.producers.as_slice()).unwrap_or_default();
        own.iter().chain(self.foreign_of(entry).map(|live| &live.produced)).cloned().collect()
    }
}

/// The entities by whose events we know the session.
fn targets(resource: &Resource) -> impl Iterator<Item = Target> + '_ {
    let producers = resource.producers.iter().map(|producer| producer.id.into());
    [resource.session.into(), resource.transport.into()].into_iter().chain(producers)
}
