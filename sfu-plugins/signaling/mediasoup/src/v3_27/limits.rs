//! What a transport's bitrates are limited to, as the Rust library says it: with the transport, or later.
use sfu_core::control::{Command, TransportId};

use super::convert::bitrate;
use crate::schema::v3_27::transport::Options;

/// The least that an outgoing bitrate may be limited to; bit/s.
pub(super) const OUTGOING_BITRATE_MIN: u32 = 30_000;

/// Bit/s; 0: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Limits {
    max_incoming: u32,
    max_outgoing: u32,
    min_outgoing: u32,
}

impl Limits {
    /// Those that a transport is made with. The Node library gives none.
    pub(super) fn of(options: &Options) -> Self {
        if !options.enable_bwe {
            return Self::default();
        }
        let given = |limit: Option<u64>| limit.map_or(0, bitrate);
        Self {
            max_incoming: given(options.max_incoming_bitrate),
            max_outgoing: outgoing(given(options.max_outgoing_bitrate)),
            min_outgoing: outgoing(given(options.min_outgoing_bitrate)),
        }
    }

    pub(super) fn with_max_incoming(self, given: u64) -> Self {
        Self { max_incoming: bitrate(given), ..self }
    }

    pub(super) fn with_max_outgoing(self, given: u64) -> Self {
        Self { max_outgoing: outgoing(bitrate(given)), ..self }
    }

    pub(super) fn with_min_outgoing(self, given: u64) -> Self {
        Self { min_outgoing: outgoing(bitrate(given)), ..self }
    }

    /// What sets them, whatever they were before. A maximum below the minimum is raised to it.
    pub(super) fn commands(self, transport: TransportId) -> impl Iterator<Item = Command> {
        let max = if self.max_outgoing == 0 { 0 } else { self.max_outgoing.max(self.min_outgoing) };
        [
            Command::SetMaxIncomingBitrate { transport, bitrate: self.max_incoming },
            // Neither may pass the other on the way.
            Command::SetMaxOutgoingBitrate { transport, bitrate: 0 },
            Command::SetMinOutgoingBitrate { transport, bitrate: self.min_outgoing },
            Command::SetMaxOutgoingBitrate { transport, bitrate: max },
        ]
        .into_iter()
    }
}

/// A limit that makes no sense is the least that does; 0 is none.
fn outgoing(given: u32) -> u32 {
    if given == 0 { 0 } else { given.max(OUTGOING_BITRATE_MIN) }
}

#[cfg(test)]
mod tests {
    use sfu_core::control::{EntityId, RawId};

    use super::*;

    /// Max in, max out, min out.
    fn of(enable_bwe: bool, limits: [Option<u64>; 3]) -> Limits {
        let mut options = crate::door::tests::direct_options(0);
        options.enable_bwe = enable_bwe;
        [options.max_incoming_bitrate, options.max_outgoing_bitrate, options.min_outgoing_bitrate] = limits;
        Limits::of(&options)
    }

    fn set(limits: Limits) -> Vec<u32> {
        limits
            .commands(TransportId::from_raw(RawId::new(0, 1, 0)))
            .map(|command| match command {
                Command::SetMaxIncomingBitrate { bitrate, .. }
                | Command::SetMaxOutgoingBitrate { bitrate, .. }
                | Command::SetMinOutgoingBitrate { bitrate, .. } => bitrate,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn limits_that_make_no_sense_become_the_nearest_that_do() {
        let limits = of(true, [Some(1), Some(u64::MAX), Some(1)]);
        assert_eq!(set(limits), [1, 0, 30_000, u32::MAX]);
        assert_eq!(set(limits.with_max_outgoing(40_000).with_min_outgoing(50_000)), [1, 0, 50_000, 50_000]);
        assert_eq!(set(limits.with_max_outgoing(0)), [1, 0, 30_000, 0]);
    }

    #[test]
    fn without_estimation_there_are_no_limits() {
        assert_eq!(of(false, [Some(1), Some(1), Some(1)]), Limits::default());
        assert_eq!(of(true, [None; 3]), Limits::default());
    }
}
