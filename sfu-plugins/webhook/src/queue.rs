//! Events that wait for one hook: bounded, the oldest go first.
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

/// Bytes of events that may wait for one hook.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of an event at the most.
pub(crate) const MAX_EVENT: usize = 64 * 1024;
/// Bytes of events in one post, unless the first alone is larger.
const MAX_POST: usize = 256 * 1024;

/// An event that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Its number, from 1: a number that is missing was dropped.
    pub(crate) sequence: u64,
    /// Its fields as JSON, without the braces.
    pub(crate) fields: String,
}

/// Events that are posted together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Waiting>,
    /// Events that were dropped since the batch before.
    pub(crate) dropped: u64,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Waiting>,
    bytes: usize,
    sequence: u64,
    /// Somebody delivers.
    busy: bool,
    dropped: u64,
    dropped_before: u64,
}

/// A queue of events. Its lock is held for the moment of a push or a take alone.
#[derive(Debug)]
pub(crate) struct Queue {
    limit: usize,
    state: Mutex<State>,
}

impl Queue {
    /// For so many events.
    pub(crate) fn new(limit: usize) -> Self {
        Queue { limit, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds an event; what no longer fits is dropped, the oldest first. Whether somebody has to begin to deliver.
    pub(crate) fn push(&self, fields: String) -> bool {
        let mut state = self.lock();
        state.sequence += 1;
        if fields.len() > MAX_EVENT {
            state.dropped += 1;
            return false;
        }
        state.bytes += fields.len();
        let sequence = state.sequence;
        state.events.push_back(Waiting { sequence, fields });
        while state.events.len() > self.limit || state.bytes > MAX_BYTES {
            let Some(oldest) = state.events.pop_front() else { break };
            state.bytes -= oldest.fields.len();
            state.dropped += 1;
        }
        !std::mem::replace(&mut state.busy, true)
    }

    /// Takes the next events, so many at the most. `None`: there are none, and whoever delivers is to end.
    pub(crate) fn take(&self, most: usize) -> Option<Batch> {
        let mut state = self.lock();
        let mut batch = Batch { events: Vec::new(), dropped: state.dropped - state.dropped_before };
        let mut bytes = 0;
        while let Some(next) = state.events.front() {
            bytes += next.fields.len();
            if batch.events.len() >= most || (bytes > MAX_POST && !batch.events.is_empty()) {
                break;
            }
            batch.events.extend(state.events.pop_front());
        }
        if batch.events.is_empty() {
            state.busy = false;
            return None;
        }
        state.bytes -= batch.events.iter().map(|event| event.fields.len()).sum::<usize>();
        state.dropped_before = state.dropped;
        Some(batch)
    }

    /// Whoever delivered ended before the queue was empty.
    pub(crate) fn abandon(&self) {
        self.lock().busy = false;
    }

    /// Whether nothing waits and nobody delivers.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.events.is_empty() && !state.busy
    }

    /// Events that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Events that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(batch: &Batch) -> Vec<u64> {
        batch.events.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn what_does_not_fit_drops_the_oldest_and_is_told_once() {
        let queue = Queue::new(3);
        assert!(queue.push("1".into()), "somebody has to begin");
        assert!((2..=5).all(|n| !queue.push(n.to_string())), "somebody has begun");
        let batch = queue.take(2).expect("events");
        assert_eq!((sequences(&batch), batch.dropped), (vec![3, 4], 2));
        let batch = queue.take(2).expect("events");
        assert_eq!((sequences(&batch), batch.dropped), (vec![5], 0));
        assert!(!queue.is_idle() && queue.take(2).is_none() && queue.is_idle());
        assert!(queue.push("6".into()), "somebody has to begin anew");
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let queue = Queue::new(100_000);
        assert!(!queue.push("x".repeat(MAX_EVENT + 1)), "too large for any post");
        for _ in 0..1000 {
            queue.push("x".repeat(MAX_EVENT));
        }
        assert_eq!((queue.len(), queue.dropped()), (MAX_BYTES / MAX_EVENT, 1 + 1000 - 128));
        assert_eq!(queue.take(1000).map(|batch| batch.events.len()), Some(MAX_POST / MAX_EVENT));
    }
}
