//! Opening what we receive.

use super::cipher::Cipher;
use super::derivation::Kind;
use super::index::nearest;
use super::replay::ReplayWindow;
use super::streams::StreamTable;
use super::{
    MasterKey, Profile, RTCP_CLEAR_LEN, RTCP_ENCRYPTED, RTCP_LAST_INDEX, RTP_FIXED_HEADER_LEN, SrtpError,
    rtcp_sender, rtp_ids,
};

/// 1024 packets: retransmissions with the original sequence number come late.
type RtpWindow = ReplayWindow<16>;
/// 128 packets.
type RtcpWindow = ReplayWindow<2>;

/// For how many SSRCs an opener keeps a replay window; further SSRCs are refused, none is ever forgotten.
///
/// A window takes 140 bytes (RTP) or 28 bytes (RTCP) and is made only after the peer's first authentic packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenerLimits {
    /// SSRCs that send RTP.
    pub(crate) rtp_streams: usize,
    /// SSRCs that send RTCP.
    pub(crate) rtcp_senders: usize,
}

impl Default for OpenerLimits {
    /// 1024 of each: enough for one endpoint; a pipe that carries whole rooms needs more.
    fn default() -> Self {
        Self { rtp_streams: 1024, rtcp_senders: 1024 }
    }
}

/// How many packets were refused, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OpenerCounters {
    /// Wrong tag.
    pub(crate) auth_failures: u64,
    /// Opened before, or too old to know.
    pub(crate) replays: u64,
    /// Cut short or with a header length that does not fit.
    pub(crate) malformed: u64,
    /// RTCP without the E bit.
    pub(crate) unencrypted: u64,
    /// Authentic, but from an SSRC beyond [`OpenerLimits`].
    pub(crate) over_limit: u64,
}

/// Opens the RTP and RTCP of one transport under the remote master key.
///
/// State for an SSRC appears only after a packet of it was authenticated. The rollover counter of an SSRC is 0 at its
/// first packet, so a sender that starts close below 65536 and loses everything before the wrap cannot be understood
/// (RFC 3711 §3.3.1; senders start below 2^15 for that reason). The packet bytes of a refused packet must not be used.
pub(crate) struct SrtpOpener {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: StreamTable<RtpWindow>,
    rtcp_senders: StreamTable<RtcpWindow>,
    counters: OpenerCounters,
}

impl SrtpOpener {
    /// An opener with the session keys of `remote`; [`SrtpError::KeyLength`] when they belong to another profile.
    pub(crate) fn new(profile: Profile, remote: &MasterKey, limits: OpenerLimits) -> Result<Self, SrtpError> {
        let rtp = Cipher::derive(profile, Kind::Rtp, remote)?;
        let rtcp = Cipher::derive(profile, Kind::Rtcp, remote)?;
        Ok(Self::with_ciphers(profile, rtp, rtcp, limits))
    }

    pub(super) fn with_ciphers(profile: Profile, rtp: Cipher, rtcp: Cipher, limits: OpenerLimits) -> Self {
        Self {
            profile,
            rtp,
            rtcp,
            rtp_streams: StreamTable::new(limits.rtp_streams),
            rtcp_senders: StreamTable::new(limits.rtcp_senders),
            counters: OpenerCounters::default(),
        }
    }

    /// What was refused so far.
    #[cfg(test)]
    pub(crate) fn counters(&self) -> OpenerCounters {
        self.counters
    }

    /// How many SSRCs have sent authentic RTP.
    #[cfg(test)]
    pub(crate) fn rtp_stream_count(&self) -> usize {
        self.rtp_streams.len()
    }

    /// Opens the SRTP packet `packet` into `out`; returns the length of the plain packet, header included.
    ///
    /// `header_len` counts CSRCs and extension. `out` needs `packet.len()` minus [`Profile::rtp_overhead`] bytes.
    #[inline]
    pub(crate) fn open_rtp(
        &mut self,
        packet: &[u8],
        header_len: usize,
        out: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let ticket = self.admit_rtp(packet, header_len)?;
        let Some(out) = out.get_mut(..ticket.plain_len) else { return Err(SrtpError::BufferTooSmall) };
        let opened = self.rtp.open_rtp((ticket.ssrc, ticket.index), packet, header_len, out);
        self.settle_rtp(ticket, opened)
    }

    /// Opens the SRTP packet `packet` where it lies; returns the length of the plain packet, header included.
    #[cfg(test)]
    #[inline]
    pub(crate) fn open_rtp_in_place(
        &mut self,
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<usize, SrtpError> {
        let ticket = self.admit_rtp(packet, header_len)?;
        let opened = self.rtp.open_rtp_in_place((ticket.ssrc, ticket.index), packet, header_len);
        self.settle_rtp(ticket, opened)
    }

    /// Opens the SRTCP packet `packet` into `out`; returns the length of the plain compound packet.
    ///
    /// `out` needs `packet.len()` bytes: the packet is copied and opened there.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8], out: &mut [u8]) -> Result<usize, SrtpError> {
        let out = out.get_mut(..packet.len()).ok_or(SrtpError::BufferTooSmall)?;
        out.copy_from_slice(packet);
        self.open_rtcp_in_place(out)
    }

    /// Opens the SRTCP packet `packet` where it lies; returns the length of the plain compound packet.
    pub(crate) fn open_rtcp_in_place(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ticket = self.admit_rtcp(packet)?;
        let word = ticket.index as u32 | RTCP_ENCRYPTED;
        let opened = self.rtcp.open_rtcp_in_place(ticket.ssrc, word, packet);
        self.settle_rtcp(ticket, opened)
    }

    /// Everything that can be refused before the cryptography; changes nothing but counters.
    #[inline]
    fn admit_rtp(&mut self, packet: &[u8], header_len: usize) -> Result<Ticket, SrtpError> {
        let plain_len = packet.len().checked_sub(self.profile.rtp_overhead());
        let (Some(plain_len), Some((seq, ssrc))) = (plain_len, rtp_ids(packet)) else {
            return self.refuse(SrtpError::Malformed);
        };
        if header_len < RTP_FIXED_HEADER_LEN || header_len > plain_len {
            return self.refuse(SrtpError::Malformed);
        }
        let (index, known) = match self.rtp_streams.get_mut(ssrc) {
            None => (u64::from(seq), false),
            Some(window) => match nearest(window.highest(), seq) {
                Some(index) if window.is_fresh(index) => (index, true),
                _ => return self.refuse(SrtpError::Replayed),
            },
        };
        Ok(Ticket { ssrc, index, known, plain_len })
    }

    fn admit_rtcp(&mut self, packet: &[u8]) -> Result<Ticket, SrtpError> {
        let plain_len = packet.len().checked_sub(self.profile.rtcp_overhead());
        let word = self.rtcp.rtcp_word(packet, self.profile.rtcp_tag_len());
        let (Some(plain_len), Some(ssrc), Some(word)) = (plain_len, rtcp_sender(packet), word) else {
            return self.refuse(SrtpError::Malformed);
        };
        if plain_len < RTCP_CLEAR_LEN {
            return self.refuse(SrtpError::Malformed);
        }
        if word & RTCP_ENCRYPTED == 0 {
            return self.refuse(SrtpError::Unencrypted);
        }
        let index = u64::from(word & RTCP_LAST_INDEX);
        let known = match self.rtcp_senders.get_mut(ssrc) {
            None => false,
            Some(window) if window.is_fresh(index) => true,
            Some(_) => return self.refuse(SrtpError::Replayed),
        };
        Ok(Ticket { ssrc, index, known, plain_len })
    }

    /// Records an authentic packet or counts a refused one.
    #[inline]
    fn settle_rtp(&mut self, ticket: Ticket, opened: Result<(), SrtpError>) -> Result<usize, SrtpError> {
        if let Err(error) = opened {
            return self.refuse(error);
        }
        if ticket.known {
            if let Some(window) = self.rtp_streams.get_mut(ticket.ssrc) {
                window.record(ticket.index);
            }
        } else if !self.rtp_streams.insert(ticket.ssrc, RtpWindow::starting_at(ticket.index)) {
            return self.refuse(SrtpError::StreamLimit);
        }
        Ok(ticket.plain_len)
    }

    fn settle_rtcp(&mut self, ticket: Ticket, opened: Result<(), SrtpError>) -> Result<usize, SrtpError> {
        if let Err(error) = opened {
            return self.refuse(error);
        }
        if ticket.known {
            if let Some(window) = self.rtcp_senders.get_mut(ticket.ssrc) {
                window.record(ticket.index);
            }
        } else if !self.rtcp_senders.insert(ticket.ssrc, RtcpWindow::starting_at(ticket.index)) {
            return self.refuse(SrtpError::StreamLimit);
        }
        Ok(ticket.plain_len)
    }

    /// Counts the refusal under its reason and passes it on.
    #[cold]
    fn refuse<T>(&mut self, error: SrtpError) -> Result<T, SrtpError> {
        let counter = match error {
            SrtpError::AuthFailed => &mut self.counters.auth_failures,
            SrtpError::Replayed => &mut self.counters.replays,
            SrtpError::Unencrypted => &mut self.counters.unencrypted,
            SrtpError::StreamLimit => &mut self.counters.over_limit,
            _ => &mut self.counters.malformed,
        };
        *counter += 1;
        Err(error)
    }
}

/// A packet that passed the cheap checks.
struct Ticket {
    ssrc: u32,
    /// RTP: rollover counter and sequence number; RTCP: the 31-bit index.
    index: u64,
    /// Whether the SSRC has a replay window.
    known: bool,
    /// Bytes of the packet without what sealing added.
    plain_len: usize,
}
