//! Streams that a request named: what begins in them soon after is treated as what was there.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::settings::Choice;

/// How long a wish lasts after the last producer of its stream was seen. A publisher who comes back in that time is recorded
/// again; one who takes the name a day later is not.
const LASTS: Duration = Duration::from_secs(60);
/// How often a wish is renewed while its stream lives.
const RENEW: Duration = Duration::from_secs(20);
/// Wishes kept at the most.
const MAX_WISHES: usize = 1024;

/// What is wanted of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Recorded, with these options of the request's own.
    Record(Arc<Choice>),
    /// Not recorded.
    Leave,
}

#[derive(Debug)]
struct Kept {
    wish: Wish,
    until: Instant,
    renewed: Instant,
}

/// The wishes, by stream.
#[derive(Debug, Default)]
pub struct Wishes(BTreeMap<Arc<str>, Kept>);

impl Wishes {
    /// Keeps a wish instead of an earlier one. `false`: too many streams were named.
    pub fn set(&mut self, stream: Arc<str>, wish: Wish, now: Instant) -> bool {
        if self.0.len() >= MAX_WISHES && !self.0.contains_key(&stream) {
            return false;
        }
        self.0.insert(stream, Kept { wish, until: now + LASTS, renewed: now });
        true
    }

    /// What is wanted of a stream.
    pub fn get(&self, stream: &str) -> Option<&Wish> {
        self.0.get(stream).map(|kept| &kept.wish)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stream lives, here or on another media thread.
    pub fn renew(&mut self, stream: &str, now: Instant) {
        if let Some(kept) = self.0.get_mut(stream) {
            (kept.until, kept.renewed) = (now + LASTS, now);
        }
    }

    /// Forgets what has lasted long enough, and answers which streams are to be renewed if they live.
    pub fn due(&mut self, now: Instant) -> Vec<Arc<str>> {
        self.0.retain(|_, kept| kept.until > now);
        let due = self.0.iter_mut().filter(|(_, kept)| now.saturating_duration_since(kept.renewed) >= RENEW);
        due.map(|(stream, kept)| {
            // Asked again only after the same time, however it turns out.
            kept.renewed = now;
            stream.clone()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_lasts_as_long_as_its_stream_and_a_little_longer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut wishes = Wishes::default();
        assert!(wishes.set("cam".into(), Wish::Record(Arc::default()), start));
        assert!(wishes.due(at(19)).is_empty());
        assert_eq!(wishes.due(at(20)), ["cam".into()]);
        assert!(wishes.due(at(21)).is_empty(), "asked for once");
        wishes.renew("cam", at(50));
        wishes.renew("other", at(50));
        wishes.due(at(109));
        assert_eq!(wishes.get("cam"), Some(&Wish::Record(Arc::default())));
        wishes.due(at(110));
        assert!(wishes.get("cam").is_none() && wishes.is_empty());
    }

    #[test]
    fn the_last_word_counts_and_there_is_an_end() {
        let now = Instant::now();
        let mut wishes = Wishes::default();
        for n in 0..MAX_WISHES {
            assert!(wishes.set(n.to_string().into(), Wish::Record(Arc::default()), now));
        }
        assert!(!wishes.set("more".into(), Wish::Leave, now));
        assert!(wishes.set("7".into(), Wish::Leave, now));
        assert_eq!(wishes.get("7"), Some(&Wish::Leave));
    }
}
