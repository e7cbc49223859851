//! What was counted on a media thread.
use sfu_core::plugin::Stats;

/// What was counted on a media thread.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// Messages that went to somebody.
    pub(crate) routed: u64,
    /// Copies of them.
    pub(crate) delivered: u64,
    /// Wishes of peers that were fulfilled: join, leave and the like.
    pub(crate) controls: u64,
    /// Messages in neither form that went on as without the plugin.
    pub(crate) plain: u64,
    /// Messages in neither form that ended here.
    pub(crate) dropped_plain: u64,
    /// Messages beyond what their peer may send.
    pub(crate) dropped_rate: u64,
    /// Messages that were malformed, or of another version.
    pub(crate) dropped_malformed: u64,
    /// Messages for a peer or group that is not there.
    pub(crate) dropped_unknown: u64,
    /// Messages for a peer without a data consumer.
    pub(crate) dropped_unreachable: u64,
    /// Messages that asked for too much.
    pub(crate) dropped_limit: u64,
    /// Messages for a topic, group or room in which nobody else is.
    pub(crate) dropped_nobody: u64,
    /// Copies beyond what one message may have.
    pub(crate) dropped_copies: u64,
    /// Errors that were told.
    pub(crate) errors_sent: u64,
    /// Errors that were not: too many, or their peer has no data consumer.
    pub(crate) errors_withheld: u64,
    /// Answers and news of presence that were sent.
    pub(crate) notices_sent: u64,
    /// Answers and news that were not: too many in one turn, or their peer has no data consumer.
    pub(crate) notices_lost: u64,
    /// Events that were not told: too many in a second.
    pub(crate) events_withheld: u64,
}

impl Counts {
    /// An answer or news went to its peer, or not.
    pub(crate) fn note(&mut self, sent: bool) {
        *if sent { &mut self.notices_sent } else { &mut self.notices_lost } += 1;
    }

    /// As figures.
    pub(crate) fn put(&self, out: &mut Stats) {
        let Counts {
            routed,
            delivered,
            controls,
            plain,
            dropped_plain,
            dropped_rate,
            dropped_malformed,
            dropped_unknown,
            dropped_unreachable,
            dropped_limit,
            dropped_nobody,
            dropped_copies,
            errors_sent,
            errors_withheld,
            notices_sent,
            notices_lost,
            events_withheld,
        } = *self;
        for (name, figure) in [
            ("routed", routed),
            ("delivered", delivered),
            ("controls", controls),
            ("plain", plain),
            ("dropped_plain", dropped_plain),
            ("dropped_rate", dropped_rate),
            ("dropped_malformed", dropped_malformed),
            ("dropped_unknown", dropped_unknown),
            ("dropped_unreachable", dropped_unreachable),
            ("dropped_limit", dropped_limit),
            ("dropped_nobody", dropped_nobody),
            ("dropped_copies", dropped_copies),
            ("errors_sent", errors_sent),
            ("errors_withheld", errors_withheld),
            ("notices_sent", notices_sent),
            ("notices_lost", notices_lost),
            ("events_withheld", events_withheld),
        ] {
            out.put_sum(name, figure);
        }
    }
}
