//! The life of a stream: who publishes, who watches, and who has to go when.
//!
//! Pure: time comes in, keys of peers to close come out.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::config::{Config, SecondPublisher};

/// How long things may last, and how many viewers there may be.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// What happens to a second publisher.
    pub second_publisher: SecondPublisher,
    /// From lost consent until the peer is closed.
    pub lost_peer_timeout: Duration,
    /// How long viewers wait for a publisher to come back.
    pub keep_viewers: Duration,
    /// How long a new peer has to connect.
    pub connect_timeout: Duration,
    /// Viewers at the most.
    pub max_viewers: usize,
}

impl Policy {
    pub(crate) fn of(config: &Config) -> Self {
        Policy {
            second_publisher: config.second_publisher,
            lost_peer_timeout: Duration::from_secs(config.lost_peer_timeout_s),
            keep_viewers: Duration::from_secs(config.keep_viewers_s),
            connect_timeout: Duration::from_secs(config.connect_timeout_s),
            max_viewers: config.max_viewers_per_stream,
        }
    }
}

/// The way to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The peer has its answer and did not connect yet.
    Connecting {
        /// When it is given up.
        until: Instant,
    },
    /// Connected.
    Up,
    /// Consent is lost.
    Lost {
        /// When it is given up.
        until: Instant,
    },
}

/// Why a peer's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// It had its answer and never came.
    NeverConnected,
    /// Its consent is lost and did not return.
    ConsentLost,
    /// Nobody publishes any more.
    NoPublisher,
}

impl Overdue {
    /// For logs.
    pub fn text(self) -> &'static str {
        match self {
            Overdue::NeverConnected => "it never connected",
            Overdue::ConsentLost => "consent is lost",
            Overdue::NoPublisher => "nobody publishes any more",
        }
    }
}

/// Why somebody can't come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is a publisher.
    Busy,
    /// There is none.
    NoPublisher,
    /// Too many viewers.
    Full,
}

/// One stream; `K` names its peers.
#[derive(Debug)]
pub struct Stream<K> {
    policy: Policy,
    publisher: Option<(K, Link)>,
    /// Somebody whom we did not let in publishes, too.
    others: bool,
    /// A publisher whose set-up has not ended.
    next: Option<K>,
    /// `None` while a viewer's set-up has not ended.
    viewers: BTreeMap<K, Option<Link>>,
    /// Since when there is no publisher.
    alone_since: Option<Instant>,
    epoch: u64,
}

impl<K: Copy + Ord> Stream<K> {
    /// Nobody yet.
    pub fn new(policy: Policy) -> Self {
        Stream {
            policy,
            publisher: None,
            others: false,
            next: None,
            viewers: BTreeMap::new(),
            alone_since: None,
            epoch: 0,
        }
    }

    /// Lets a publisher begin its set-up, which ends with [`Stream::publisher_ready`] or [`Stream::left`].
    ///
    /// `rivals` says whether others publish what it brings. A publisher whose consent is lost is nobody's rival: the
    /// second one may well be the same peer coming back.
    pub fn admit_publisher(&mut self, key: K, rivals: bool) -> Result<(), Refusal> {
        let taken = rivals || !matches!(self.publisher, None | Some((_, Link::Lost { .. })));
        if (taken && !self.takes_over()) || self.next.is_some() {
            return Err(Refusal::Busy);
        }
        self.next = Some(key);
        Ok(())
    }

    /// Whether a second publisher replaces the first.
    pub fn takes_over(&self) -> bool {
        self.policy.second_publisher == SecondPublisher::Takeover
    }

    /// Says that somebody else began to publish something.
    pub fn others_began(&mut self) {
        self.others = true;
        self.epoch += 1;
        self.alone_since = None;
    }

    /// Says that nobody else publishes any more.
    pub fn others_ended(&mut self, now: Instant) {
        if std::mem::take(&mut self.others) && self.publisher.is_none() {
            self.alone_since = Some(now);
        }
    }

    /// The publisher is set up: it is the stream's publisher now. Returns the one that it replaces.
    pub fn publisher_ready(&mut self, key: K, now: Instant) -> Option<K> {
        if self.next == Some(key) {
            self.next = None;
        }
        self.epoch += 1;
        self.alone_since = None;
        let link = Link::Connecting { until: now + self.policy.connect_timeout };
        self.publisher.replace((key, link)).map(|(old, _)| old)
    }

    /// Lets a viewer begin its set-up, which ends with [`Stream::viewer_ready`] or [`Stream::left`].
    pub fn admit_viewer(&mut self, key: K) -> Result<(), Refusal> {
        if !self.is_published() {
            return Err(Refusal::NoPublisher);
        }
        if self.viewers.len() >= self.policy.max_viewers {
            return Err(Refusal::Full);
        }
        self.viewers.insert(key, None);
        Ok(())
    }

    /// The viewer is set up.
    pub fn viewer_ready(&mut self, key: K, now: Instant) {
        let link = Link::Connecting { until: now + self.policy.connect_timeout };
        self.viewers.insert(key, Some(link));
    }

    /// A peer is gone, or its set-up failed.
    pub fn left(&mut self, key: K, now: Instant) {
        if self.next == Some(key) {
            self.next = None;
        }
        self.viewers.remove(&key);
        if self.publisher.is_some_and(|(publisher, _)| publisher == key) {
            self.publisher = None;
            self.alone_since = (!self.others).then_some(now);
        }
    }

    /// A peer's consent is there (again).
    pub fn connected(&mut self, key: K) {
        self.set_link(key, Link::Up);
    }

    /// A peer's consent is lost.
    pub fn lost(&mut self, key: K, now: Instant) {
        let link = Link::Lost { until: now + self.policy.lost_peer_timeout };
        if !matches!(self.link(key), Some(Link::Lost { .. })) {
            self.set_link(key, link);
        }
    }

    fn set_link(&mut self, key: K, new: Link) {
        match &mut self.publisher {
            Some((publisher, link)) if *publisher == key => *link = new,
            _ => {
                if let Some(Some(link)) = self.viewers.get_mut(&key) {
                    *link = new;
                }
            }
        }
    }

    /// The way to a peer that is set up.
    pub fn link(&self, key: K) -> Option<Link> {
        match self.publisher {
            Some((publisher, link)) if publisher == key => Some(link),
            _ => self.viewers.get(&key).copied().flatten(),
        }
    }

    /// Peers whose time is over, and why; they count as gone from now on.
    pub fn poll(&mut self, now: Instant) -> Vec<(K, Overdue)> {
        let over = |link: &Link| match link {
            Link::Connecting { until } => (*until <= now).then_some(Overdue::NeverConnected),
            Link::Lost { until } => (*until <= now).then_some(Overdue::ConsentLost),
            Link::Up => None,
        };
        let mut gone = Vec::new();
        if let Some((key, link)) = self.publisher {
            gone.extend(over(&link).map(|why| (key, why)));
        }
        let ended = self.alone_since.is_some_and(|since| since + self.policy.keep_viewers <= now);
        for (key, link) in &self.viewers {
            let why = link.as_ref().and_then(|link| over(link).or(ended.then_some(Overdue::NoPublisher)));
            gone.extend(why.map(|why| (*key, why)));
        }
        for (key, _) in &gone {
            self.left(*key, now);
        }
        gone
    }

    /// The publisher, once it is set up.
    pub fn publisher(&self) -> Option<K> {
        self.publisher.map(|(key, _)| key)
    }

    /// Whether somebody publishes.
    pub fn is_published(&self) -> bool {
        self.publisher.is_some() || self.others
    }

    /// Whether a publisher's set-up has not ended.
    pub fn is_setting_up(&self) -> bool {
        self.next.is_some()
    }

    /// Grows with each publisher and with all that others add.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The viewers that are set up.
    pub fn viewers(&self) -> impl Iterator<Item = K> + '_ {
        self.viewers.iter().filter(|(_, link)| link.is_some()).map(|(key, _)| *key)
    }

    /// Whether nobody is left.
    pub fn is_over(&self) -> bool {
        !self.is_published() && self.next.is_none() && self.viewers.is_empty()
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
