//! Observers of a router's audio: how loud its producers are, and who of them speaks.
//!
//! They live of the levels that senders put on their packets (RFC 6464) and decide by their own timers. A packet costs one
//! test where nobody observes its producer.
mod active_speaker;
mod audio_level;
mod speech;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::Engine;
use super::control::not_found;
use super::producer::{Producer, Source};
use crate::control::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, CloseReason, ControlError, EventBody, MediaKind,
    ProducerId, Reply, RouterId, RtpObserverId,
};
use active_speaker::ActiveSpeakers;
use audio_level::AudioLevels;

/// Bounds of the interval of an observer of volumes.
const LEVEL_INTERVAL: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Bounds of the interval of an observer of who speaks.
const SPEAKER_INTERVAL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What an observer makes of what it hears.
#[derive(Debug)]
enum Ear {
    Levels(AudioLevels),
    Speakers(ActiveSpeakers),
}

/// An observer of a router.
#[derive(Debug)]
pub(crate) struct RtpObserver {
    router: RouterId,
    interval: Duration,
    /// When it decides next; nothing while it is paused.
    due: Option<Instant>,
    ear: Ear,
}

impl RtpObserver {
    fn is_paused(&self) -> bool {
        self.due.is_none()
    }
}

/// When observers decide, the earliest first. Entries that their observers no longer stand by are stale.
#[derive(Debug, Default)]
pub(crate) struct ObserverTimers(BinaryHeap<Reverse<(Instant, RtpObserverId)>>);

impl ObserverTimers {
    fn arm(&mut self, id: RtpObserverId, due: Instant) {
        self.0.push(Reverse((due, id)));
    }

    /// The earliest deadline, which may be a stale one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }

    fn pop_due(&mut self, now: Instant) -> Option<(Instant, RtpObserverId)> {
        self.next().filter(|due| *due <= now)?;
        self.0.pop().map(|Reverse(entry)| entry)
    }

    /// How many entries there are, stale ones too.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Engine {
    /// Makes an observer of volumes; its interval is kept within 250 ms and 5 s.
    pub(crate) fn create_audio_level_observer(
        &mut self,
        now: Instant,
        router: RouterId,
        options: AudioLevelObserverOptions,
    ) -> Result<Reply, ControlError> {
        if options.threshold > 0 {
            return Err(ControlError::invalid(format!(
                "control.create_audio_level_observer: a threshold of {} dBov is louder than can be; it is -127 to 0",
                options.threshold
            )));
        }
        let (least, most) = LEVEL_INTERVAL;
        let ear = Ear::Levels(AudioLevels::new(options));
        self.create_observer(now, router, options.interval.clamp(least, most), ear)
    }

    /// Makes an observer of who speaks; its interval is kept within 100 ms and 5 s.
    pub(crate) fn create_active_speaker_observer(
        &mut self,
        now: Instant,
        router: RouterId,
        options: ActiveSpeakerObserverOptions,
    ) -> Result<Reply, ControlError> {
        let (least, most) = SPEAKER_INTERVAL;
        let ear = Ear::Speakers(ActiveSpeakers::default());
        self.create_observer(now, router, options.interval.clamp(least, most), ear)
    }

    fn create_observer(
        &mut self,
        now: Instant,
        router: RouterId,
        interval: Duration,
        ear: Ear,
    ) -> Result<Reply, ControlError> {
        let entity = self.routers.get_mut(router).ok_or_else(|| not_found(router.into()))?;
        let due = now + interval;
        let id = self.observers.insert_with(|_| RtpObserver { router, interval, due: Some(due), ear });
        entity.observers.push(id);
        self.observer_timers.arm(id, due);
        Ok(Reply::RtpObserver(id))
    }

    /// Closes an observer; its producers go on.
    pub(crate) fn close_observer(
        &mut self,
        id: RtpObserverId,
        reason: CloseReason,
    ) -> Result<Reply, ControlError> {
        let observer = self.observers.remove(id).ok_or_else(|| not_found(id.into()))?;
        let observed: Vec<ProducerId> = self
            .producers
            .iter()
            .filter(|(_, producer)| producer.observers.contains(&id))
            .map(|(producer, _)| producer)
            .collect();
        for producer in observed {
            self.leave_observer(id, producer);
        }
        if let Some(router) = self.routers.get_mut(observer.router) {
            router.observers.retain(|other| *other != id);
        }
        self.change(id, EventBody::Closed(reason));
        Ok(Reply::Done)
    }

    /// An observer decides nothing until it is resumed. One of volumes takes that for silence.
    pub(crate) fn pause_observer(&mut self, id: RtpObserverId) -> Result<Reply, ControlError> {
        let observer = self.observers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if observer.due.take().is_some()
            && let Ear::Levels(levels) = &mut observer.ear
            && let Some(told) = levels.pause()
        {
            self.change(id, told);
        }
        Ok(Reply::Done)
    }

    /// It begins another interval.
    pub(crate) fn resume_observer(&mut self, now: Instant, id: RtpObserverId) -> Result<Reply, ControlError> {
        let observer = self.observers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if observer.is_paused() {
            let due = now + observer.interval;
            observer.due = Some(due);
            self.observer_timers.arm(id, due);
        }
        Ok(Reply::Done)
    }

    /// The router of an observer.
    pub(crate) fn router_of_observer(&self, id: RtpObserverId) -> Result<RouterId, ControlError> {
        self.observers.get(id).map(|observer| observer.router).ok_or_else(|| not_found(id.into()))
    }

    /// Observes a producer of audio of the same router, or what stands for one of another media thread.
    pub(crate) fn observe_producer(
        &mut self,
        now: Instant,
        id: RtpObserverId,
        producer: ProducerId,
    ) -> Result<Reply, ControlError> {
        let observer = self.observers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        // A place in the table of another media thread says nothing about this one's.
        let own = producer.worker() == self.config.worker;
        let entity = self.producers.get_mut(producer).filter(|_| own);
        let fits = |entity: &&mut Producer| {
            entity.router == observer.router || matches!(entity.source, Source::Relay(_))
        };
        let entity = entity.filter(fits).ok_or_else(|| {
            ControlError::not_found(format!(
                "control.observe_producer: there is no producer {producer} in the router of observer {id}"
            ))
        })?;
        let known_as = entity.known_as();
        if entity.kind != MediaKind::Audio {
            return Err(ControlError::invalid(format!(
                "control.observe_producer: producer {known_as} sends video; audio is observed only"
            )));
        }
        match &mut observer.ear {
            Ear::Levels(levels) => levels.add(known_as),
            Ear::Speakers(speakers) => {
                if !speakers.add(now, known_as, entity.paused) {
                    return Err(ControlError::state(format!(
                        "control.observe_producer: observer {id} observes producer {known_as} already"
                    )));
                }
            }
        }
        if !entity.observers.contains(&id) {
            entity.observers.push(id);
        }
        entity.watch();
        Ok(Reply::Done)
    }

    /// Observes a producer no more; nothing happens if it was not.
    pub(crate) fn unobserve_producer(
        &mut self,
        id: RtpObserverId,
        producer: ProducerId,
    ) -> Result<Reply, ControlError> {
        self.observers.get(id).ok_or_else(|| not_found(id.into()))?;
        let own = producer.worker() == self.config.worker;
        let here = if own { Some(producer) } else { self.copy_of(producer) };
        // One of another media thread without a copy here is not observed.
        if let Some(here) = here {
            self.producers.get(here).ok_or_else(|| not_found(producer.into()))?;
            self.forget_observed(id, producer);
            self.leave_observer(id, here);
        }
        Ok(Reply::Done)
    }

    fn leave_observer(&mut self, id: RtpObserverId, producer: ProducerId) {
        if let Some(entity) = self.producers.get_mut(producer) {
            entity.observers.retain(|other| *other != id);
            entity.watch();
        }
        self.release_copy(producer);
    }

    /// A producer leaves an observer. If it had the floor, somebody else gets it in this turn.
    fn forget_observed(&mut self, id: RtpObserverId, producer: ProducerId) {
        let Some(observer) = self.observers.get_mut(id) else { return };
        match &mut observer.ear {
            Ear::Levels(levels) => levels.remove(producer),
            Ear::Speakers(speakers) => {
                if speakers.remove(producer)
                    && let Some(due) = observer.due
                    && let Some(before) = due.checked_sub(observer.interval)
                {
                    observer.due = Some(before);
                    self.observer_timers.arm(id, before);
                }
            }
        }
    }

    /// A producer is closed: it leaves its observers.
    pub(crate) fn observed_closed(&mut self, producer: ProducerId, observers: &[RtpObserverId]) {
        for id in observers {
            self.forget_observed(*id, producer);
        }
    }

    /// A producer is paused or resumed: while it is paused it is not heard, and can't have the floor.
    pub(crate) fn observed_paused(&mut self, producer: ProducerId, paused: bool) {
        let Some(entity) = self.producers.get(producer) else { return };
        let producer = entity.known_as();
        for id in &entity.observers {
            match self.observers.get_mut(*id).map(|observer| &mut observer.ear) {
                Some(Ear::Levels(levels)) if paused => levels.remove(producer),
                Some(Ear::Levels(levels)) => levels.add(producer),
                Some(Ear::Speakers(speakers)) => speakers.set_paused(producer, paused),
                None => {}
            }
        }
    }

    /// The level of a packet of an observed producer, in -dBov.
    pub(super) fn heard(&mut self, now: Instant, producer: ProducerId, level: u8) {
        let Some(entity) = self.producers.get(producer) else { return };
        let producer = entity.known_as();
        for id in &entity.observers {
            let Some(observer) = self.observers.get_mut(*id).filter(|observer| !observer.is_paused()) else {
                continue;
            };
            match &mut observer.ear {
                Ear::Levels(levels) => levels.hear(producer, level),
                Ear::Speakers(speakers) => speakers.hear(now, producer, level),
            }
        }
    }

    /// Lets those observers decide that are due.
    pub(super) fn poll_observers(&mut self, now: Instant) {
        while let Some((due, id)) = self.observer_timers.pop_due(now) {
            let Some(observer) = self.observers.get_mut(id).filter(|observer| observer.due == Some(due))
            else {
                continue;
            };
            // Intervals that were missed altogether are not made up for.
            let regular = due + observer.interval;
            let next = if regular > now { regular } else { now + observer.interval };
            observer.due = Some(next);
            self.observer_timers.arm(id, next);
            let told = match &mut observer.ear {
                Ear::Levels(levels) => levels.end_interval(),
                Ear::Speakers(speakers) => speakers.decide(now),
            };
            if let Some(told) = told {
                self.change(id, told);
            }
        }
    }
}
