//! The instance that chooses for all media threads.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::plugin::ProducerId;

use crate::choice::{Candidate, Choice};
use crate::settings::Options;

/// What a media thread told of a room is forgotten after this.
const STALE: Duration = Duration::from_secs(2);
/// What was chosen is told again after this, changed or not: a mailbox may have been full.
const AGAIN: Duration = Duration::from_secs(1);

/// Name of a room: its label, or the id of its router.
pub(crate) type Room = Arc<str>;

/// The outcome for a room.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) forwarded: Vec<ProducerId>,
    pub(crate) speaking: Vec<ProducerId>,
}

/// What a media thread heard in a room.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    pub(crate) worker: u8,
    pub(crate) options: Options,
    pub(crate) candidates: Vec<Candidate>,
}

/// All rooms, as those heard them who told.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    rooms: BTreeMap<Room, Known>,
}

#[derive(Debug, Default)]
struct Known {
    choice: Choice,
    options: Options,
    /// What each media thread told, and when.
    told: BTreeMap<u8, (Instant, Vec<Candidate>)>,
    said: Option<Instant>,
}

impl Chooser {
    /// Takes down how loud a room is on a media thread.
    pub(crate) fn hear(&mut self, now: Instant, room: Room, levels: Levels) {
        let known = self.rooms.entry(room).or_default();
        known.options = levels.options;
        known.told.insert(levels.worker, (now, levels.candidates));
    }

    /// A media thread has no such room any more, without waiting until what it told is stale.
    pub(crate) fn forget_others(&mut self, worker: u8, here: impl Fn(&Room) -> bool) {
        for (room, known) in &mut self.rooms {
            if !here(room) {
                known.told.remove(&worker);
            }
        }
    }

    /// Chooses in all rooms; what is to be said: what changed, and of the rest what was not said for a while.
    pub(crate) fn choose(&mut self, now: Instant) -> Vec<(Room, Arc<Chosen>)> {
        let mut news = Vec::new();
        self.rooms.retain(|room, known| {
            known.told.retain(|_, (at, _)| now.saturating_duration_since(*at) < STALE);
            let candidates: Vec<Candidate> =
                known.told.values().flat_map(|(_, candidates)| candidates.iter().copied()).collect();
            let changed = known.choice.choose(now, &candidates, &known.options);
            if changed || known.said.is_none_or(|said| now.saturating_duration_since(said) >= AGAIN) {
                let forwarded = known.choice.forwarded().collect();
                let chosen = Chosen { forwarded, speaking: known.choice.speaking().to_vec() };
                news.push((room.clone(), Arc::new(chosen)));
                known.said = Some(now);
            }
            !known.told.is_empty()
        });
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(worker: u8, loudness: f32) -> Levels {
        let producer = format!("{worker}.0.0").parse().expect("an id");
        Levels { worker, options: Options::default(), candidates: vec![Candidate { producer, loudness }] }
    }

    #[test]
    fn what_was_chosen_is_told_again_in_case_somebody_missed_it() {
        let (mut chooser, now) = (Chooser::default(), Instant::now());
        let room: Room = "studio".into();
        chooser.hear(now, room.clone(), levels(1, 90.0));
        let first = chooser.choose(now);
        assert_eq!(first.len(), 1);
        chooser.hear(now, room.clone(), levels(1, 90.0));
        assert_eq!(chooser.choose(now + Duration::from_millis(900)), []);
        assert_eq!(chooser.choose(now + AGAIN), first);
    }

    #[test]
    fn who_tells_no_more_is_forgotten() {
        let (mut chooser, now) = (Chooser::default(), Instant::now());
        let room: Room = "studio".into();
        chooser.hear(now, room.clone(), levels(0, 90.0));
        chooser.hear(now, room.clone(), levels(1, 80.0));
        chooser.choose(now);
        chooser.hear(now + STALE, room.clone(), levels(0, 90.0));
        let left = chooser.choose(now + STALE);
        assert_eq!(left[0].1.forwarded, ["0.0.0".parse().expect("an id")]);
        chooser.forget_others(0, |_| false);
        assert_eq!(chooser.choose(now + STALE)[0].1.forwarded, []);
        assert_eq!(chooser.choose(now + STALE + AGAIN), [], "nobody is in the room");
    }
}
