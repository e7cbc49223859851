//! Whose load it is: that of peers, or of strangers.
use crate::engine::Counters;

/// Tells a flood of what belongs to nobody from media.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin {
    datagrams: u64,
    good: u64,
}

impl Origin {
    /// Whether most of the datagrams since the last call came from nobody, or were forged.
    pub(super) fn is_strange(&mut self, counters: &Counters) -> bool {
        let good = counters.rtp_authenticated
            + counters.rtcp_authenticated
            + counters.stun_authenticated
            + counters.dtls_taken
            + counters.sctp_taken
            // Of streams that are known, on paths that are.
            + counters.shed_ingress;
        let (datagrams, good_ones) = (counters.datagrams - self.datagrams, good - self.good);
        *self = Origin { datagrams: counters.datagrams, good };
        good_ones * 2 < datagrams
    }
}
