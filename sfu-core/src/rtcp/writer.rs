//! Writing RTCP packets one after another into a caller's buffer.

use super::feedback::{FirEntry, REMB_NAME};
use super::ntp::NtpTime;
use super::report::{ReportBlock, SenderInfo};
use super::sdes::CNAME;
use super::transport_cc::{self, Arrival, TransportCcWritten};
use super::xr::{DLRR, DlrrBlock, RECEIVER_REFERENCE_TIME};
use super::{feedback_type, packet_type};

/// The packet doesn't fit the buffer, or has more entries than its count field can tell; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rtcp: the packet doesn't fit, send what was written and begin a new compound")]
pub struct NoRoom;

/// Appends RTCP packets to a buffer. A packet that doesn't fit leaves what was written before as it was.
#[derive(Debug)]
pub struct RtcpWriter<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> RtcpWriter<'b> {
    /// Writes from the start of `buf`.
    pub fn new(buf: &'b mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written so far, a multiple of 4.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes left in the buffer.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.buf.len() - self.len
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }

    /// Appends packets that are written already; they must be whole.
    pub fn raw(&mut self, packets: &[u8]) -> Result<(), NoRoom> {
        let end = self.len + packets.len();
        self.buf.get_mut(self.len..end).ok_or(NoRoom)?.copy_from_slice(packets);
        self.len = end;
        Ok(())
    }

    /// Appends a sender report with at most 31 blocks.
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        info: &SenderInfo,
        blocks: &[ReportBlock],
    ) -> Result<(), NoRoom> {
        self.packet(packet_type::SENDER_REPORT, blocks.len(), |body| {
            body.u32(ssrc)?;
            body.bytes(&info.ntp.to_bits().to_be_bytes())?;
            body.u32(info.rtp_timestamp)?;
            body.u32(info.packet_count)?;
            body.u32(info.octet_count)?;
            blocks.iter().try_for_each(|block| body.bytes(&block.to_bytes()))
        })
    }

    /// Appends a receiver report with at most 31 blocks.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> Result<(), NoRoom> {
        self.packet(packet_type::RECEIVER_REPORT, blocks.len(), |body| {
            body.u32(ssrc)?;
            blocks.iter().try_for_each(|block| body.bytes(&block.to_bytes()))
        })
    }

    /// Appends a source description with the canonical name (at most 255 bytes) of one source.
    pub fn sdes_cname(&mut self, ssrc: u32, cname: &[u8]) -> Result<(), NoRoom> {
        self.packet(packet_type::SDES, 1, |body| {
            body.u32(ssrc)?;
            body.bytes(&[CNAME, u8::try_from(cname.len()).map_err(|_| NoRoom)?])?;
            body.bytes(cname)?;
            body.bytes(&[0])?;
            body.align()
        })
    }

    /// Appends a goodbye of at most 31 sources.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn bye(&mut self, sources: &[u32]) -> Result<(), NoRoom> {
        self.packet(packet_type::BYE, sources.len(), |body| {
            sources.iter().try_for_each(|ssrc| body.u32(*ssrc))
        })
    }

    /// Appends a NACK for `lost`, ascending over the wrap, and answers how many of them went in: as many as there is room for.
    pub fn nack(&mut self, sender_ssrc: u32, media_ssrc: u32, lost: &[u16]) -> Result<usize, NoRoom> {
        let mut consumed = 0;
        self.packet(packet_type::TRANSPORT_FEEDBACK, feedback_type::NACK.into(), |body| {
            body.u32(sender_ssrc)?;
            body.u32(media_ssrc)?;
            let mut rest = lost;
            while let Some((first, mut tail)) = rest.split_first() {
                let mut mask = 0u16;
                while let Some((next, after)) = tail.split_first() {
                    let distance = next.wrapping_sub(*first);
                    if distance > 16 {
                        break;
                    }
                    // A repeated number is in already.
                    mask |= distance.checked_sub(1).map_or(0, |bit| 1 << bit);
                    tail = after;
                }
                match body.u32(u32::from(*first) << 16 | u32::from(mask)) {
                    Ok(()) => rest = tail,
                    Err(NoRoom) => break,
                }
            }
            consumed = lost.len() - rest.len();
            if consumed == 0 { Err(NoRoom) } else { Ok(()) }
        })?;
        Ok(consumed)
    }

    /// Appends a picture loss indication.
    pub fn pli(&mut self, sender_ssrc: u32, media_ssrc: u32) -> Result<(), NoRoom> {
        self.packet(packet_type::PAYLOAD_FEEDBACK, feedback_type::PLI.into(), |body| {
            body.u32(sender_ssrc)?;
            body.u32(media_ssrc)
        })
    }

    /// Appends a full intra request.
    pub fn fir(&mut self, sender_ssrc: u32, entries: &[FirEntry]) -> Result<(), NoRoom> {
        self.packet(packet_type::PAYLOAD_FEEDBACK, feedback_type::FIR.into(), |body| {
            body.u32(sender_ssrc)?;
            body.u32(0)?;
            entries.iter().try_for_each(|entry| {
                body.u32(entry.ssrc)?;
                body.bytes(&[entry.sequence_number, 0, 0, 0])
            })
        })
    }

    /// Appends a receiver estimated maximum bitrate in bits per second (rounded down to 18 bits) for at most 255 streams.
    pub fn remb(&mut self, sender_ssrc: u32, bitrate: u64, ssrcs: &[u32]) -> Result<(), NoRoom> {
        let count = u8::try_from(ssrcs.len()).map_err(|_| NoRoom)?;
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(18);
        let mantissa = (bitrate >> exponent) as u32;
        self.packet(packet_type::PAYLOAD_FEEDBACK, feedback_type::APPLICATION.into(), |body| {
            body.u32(sender_ssrc)?;
            body.u32(0)?;
            body.bytes(&REMB_NAME)?;
            body.u32(u32::from(count) << 24 | exponent << 18 | mantissa)?;
            ssrcs.iter().try_for_each(|ssrc| body.u32(*ssrc))
        })
    }

    /// Appends transport-wide feedback about the packets from `base` on, of which `arrivals` (ascending) came.
    ///
    /// Stops early when the buffer is full, when 65535 packets are reported, or when a delta needs more than 16 bits: the rest
    /// of `arrivals` belongs into another packet, from `next_base` on. Arrivals before `base` are skipped.
    /// Fails if not even one arrival fits (32 bytes always hold one), if there is none, or if the first one is 65535 or more after
    /// `base`: then choose a later base.
    pub fn transport_cc(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        feedback_count: u8,
        base: u64,
        arrivals: &[Arrival],
    ) -> Result<TransportCcWritten, NoRoom> {
        let buf = self.buf.get_mut(self.len..).ok_or(NoRoom)?;
        let written = transport_cc::write(buf, (sender_ssrc, media_ssrc), feedback_count, base, arrivals)?;
        self.len += written.len;
        Ok(written)
    }

    /// Appends an extended report with the wall clock of a receiver (RFC 3611 section 4.4).
    pub fn xr_receiver_reference_time(&mut self, ssrc: u32, now: NtpTime) -> Result<(), NoRoom> {
        self.packet(packet_type::XR, 0, |body| {
            body.u32(ssrc)?;
            body.bytes(&[RECEIVER_REFERENCE_TIME, 0, 0, 2])?;
            body.bytes(&now.to_bits().to_be_bytes())
        })
    }

    /// Appends an extended report that answers receivers' wall clocks (RFC 3611 section 4.5), at most 21845 of them.
    pub fn xr_dlrr(&mut self, ssrc: u32, blocks: &[DlrrBlock]) -> Result<(), NoRoom> {
        let words = u16::try_from(3 * blocks.len()).map_err(|_| NoRoom)?;
        self.packet(packet_type::XR, 0, |body| {
            body.u32(ssrc)?;
            body.u32(u32::from(DLRR) << 24 | u32::from(words))?;
            blocks.iter().try_for_each(|block| {
                body.u32(block.ssrc)?;
                body.u32(block.last_rr)?;
                body.u32(block.delay_since_last_rr)
            })
        })
    }

    /// Writes a header, the body, and then the length into the header.
    fn packet(
        &mut self,
        packet_type: u8,
        count: usize,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), NoRoom>,
    ) -> Result<(), NoRoom> {
        let count = u8::try_from(count).ok().filter(|count| *count < 32).ok_or(NoRoom)?;
        let buf = self.buf.get_mut(self.len..).ok_or(NoRoom)?;
        let (header, body) = buf.split_first_chunk_mut::<4>().ok_or(NoRoom)?;
        let mut body = Body { buf: body, len: 0 };
        write(&mut body)?;
        let len = body.len;
        let [w0, w1] = u16::try_from(len / 4).map_err(|_| NoRoom)?.to_be_bytes();
        *header = [0x80 | count, packet_type, w0, w1];
        self.len += 4 + len;
        Ok(())
    }
}

/// The part of a packet after its header.
struct Body<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl Body<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let end = self.len + bytes.len();
        self.buf.get_mut(self.len..end).ok_or(NoRoom)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    fn u32(&mut self, word: u32) -> Result<(), NoRoom> {
        self.bytes(&word.to_be_bytes())
    }

    /// Fills up to 32 bits with zeroes.
    fn align(&mut self) -> Result<(), NoRoom> {
        let fill = self.len.next_multiple_of(4) - self.len;
        self.bytes([0; 3].get(..fill).unwrap_or_default())
    }
}
