//! Which producer a packet on a transport belongs to: by SSRC, else by MID and RID, else by payload type.
use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::control::{ControlError, ProducerId};
use crate::rtp::{ExtensionIds, ExtensionKind, ExtensionTable, RtpHeader};

/// SSRCs that are learnt from packets at most, per transport; signaled ones do not count.
const MAX_LEARNT: usize = 256;

/// Where packets of one SSRC go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamRef {
    /// The producer.
    pub(crate) producer: ProducerId,
    /// Index of its encoding.
    pub(crate) encoding: u8,
    /// It is the RTX stream of that encoding.
    pub(crate) rtx: bool,
}

/// What a producer registers.
struct Registered {
    producer: ProducerId,
    mid: Option<String>,
    rids: Vec<Option<String>>,
    signaled: bool,
    media: Vec<u8>,
    rtx: Vec<u8>,
}

/// The demultiplexer of one transport.
#[derive(Default)]
pub(crate) struct IngressStreams {
    by_ssrc: HashMap<u32, StreamRef, RandomState>,
    learnt: usize,
    producers: Vec<Registered>,
    /// Ids of the header extensions on this transport.
    pub(crate) extensions: ExtensionIds,
}

impl IngressStreams {
    /// Takes up a producer. Fails if one of its SSRCs or its MID belongs to another.
    pub(crate) fn add(&mut self, producer: &super::producer::Producer) -> Result<(), ControlError> {
        let parameters = &producer.parameters;
        if let Some(mid) = &parameters.mid
            && self.producers.iter().any(|other| {
                other.mid.as_ref() == Some(mid)
                    && (parameters.encodings.iter().all(|e| e.rid.is_none())
                        || parameters.encodings.iter().any(|e| other.rids.contains(&e.rid)))
            })
        {
            return Err(ControlError::invalid(format!(
                "control.produce: mid `{mid}` belongs to another producer of this transport"
            )));
        }
        let mut signaled = Vec::new();
        for (index, encoding) in parameters.encodings.iter().enumerate() {
            let stream = |rtx| StreamRef { producer: producer.id, encoding: index as u8, rtx };
            signaled.extend(encoding.ssrc.map(|ssrc| (ssrc, stream(false))));
            signaled.extend(encoding.rtx.map(|rtx| (rtx.ssrc, stream(true))));
        }
        for (n, (ssrc, _)) in signaled.iter().enumerate() {
            // A learnt SSRC gives way to a signaled one.
            let taken = self.by_ssrc.get(ssrc).is_some_and(|other| {
                self.producers.iter().any(|p| p.producer == other.producer && p.signaled)
            });
            if taken || signaled[..n].iter().any(|(other, _)| other == ssrc) {
                return Err(ControlError::invalid(format!(
                    "control.produce: ssrc {ssrc} is used twice on this transport"
                )));
            }
        }
        let has_ssrc = !signaled.is_empty();
        self.by_ssrc.extend(signaled);
        self.producers.push(Registered {
            producer: producer.id,
            mid: parameters.mid.clone(),
            rids: parameters.encodings.iter().map(|encoding| encoding.rid.clone()).collect(),
            signaled: has_ssrc,
            media: producer.codecs.media().map(|codec| codec.number).collect(),
            rtx: parameters.codecs.iter().filter(|c| c.is_rtx()).map(|c| c.payload_type).collect(),
        });
        for kind in ExtensionKind::ALL {
            let id = producer.extensions.id(kind);
            let is_own = kind == ExtensionKind::PacketId && producer.has_own_packet_id;
            if id != 0 && !is_own {
                self.extensions.set(kind, id);
            }
        }
        Ok(())
    }

    /// Forgets a producer.
    pub(crate) fn remove(&mut self, producer: ProducerId) {
        self.producers.retain(|other| other.producer != producer);
        self.by_ssrc.retain(|_, stream| stream.producer != producer);
        self.learnt = self.learnt.min(self.by_ssrc.len());
    }

    /// SSRCs that are signaled or were learnt, in order.
    pub(crate) fn ssrcs(&self) -> Vec<(u32, ProducerId)> {
        let mut ssrcs: Vec<_> = self.by_ssrc.iter().map(|(ssrc, stream)| (*ssrc, stream.producer)).collect();
        ssrcs.sort_unstable_by_key(|(ssrc, _)| *ssrc);
        ssrcs
    }

    /// MIDs that producers are known by.
    pub(crate) fn mids(&self) -> Vec<(String, ProducerId)> {
        self.producers.iter().filter_map(|p| Some((p.mid.clone()?, p.producer))).collect()
    }

    /// RIDs that producers are known by.
    pub(crate) fn rids(&self) -> Vec<(String, ProducerId)> {
        let of = |p: &Registered| {
            let producer = p.producer;
            p.rids.clone().into_iter().flatten().map(move |rid| (rid, producer)).collect::<Vec<_>>()
        };
        self.producers.iter().flat_map(of).collect()
    }

    /// Where a packet belongs, if its SSRC is known.
    #[inline]
    pub(crate) fn known(&self, ssrc: u32) -> Option<StreamRef> {
        self.by_ssrc.get(&ssrc).copied()
    }

    /// How many SSRCs are known.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.by_ssrc.len()
    }

    /// Any SSRC of the peer.
    pub(crate) fn any_ssrc(&self) -> Option<u32> {
        self.by_ssrc.keys().next().copied()
    }

    /// The producer and encoding of an SSRC that is the target of RTCP.
    pub(crate) fn by_ssrc(&self, ssrc: u32) -> Option<StreamRef> {
        self.known(ssrc)
    }

    /// Finds out where the first packet of an SSRC belongs, and remembers it. The packet is authenticated.
    #[cold]
    pub(crate) fn learn(
        &mut self,
        packet: &[u8],
        header: &RtpHeader,
        extensions: &ExtensionTable,
    ) -> Option<StreamRef> {
        if self.learnt >= MAX_LEARNT {
            return None;
        }
        let text = |kind| extensions.get(packet, kind).and_then(|value| std::str::from_utf8(value).ok());
        let mid = text(ExtensionKind::Mid);
        let (rid, repaired) = (text(ExtensionKind::Rid), text(ExtensionKind::RepairedRid));
        let pt = header.payload_type;
        let fits = |p: &&Registered| p.media.contains(&pt) || p.rtx.contains(&pt);
        let found = match (mid, rid.or(repaired)) {
            (Some(mid), None) => self.producers.iter().filter(fits).find(|p| p.mid.as_deref() == Some(mid)),
            (Some(mid), Some(rid)) => {
                self.producers.iter().filter(fits).find(|p| {
                    p.mid.as_deref() == Some(mid) && p.rids.iter().any(|r| r.as_deref() == Some(rid))
                })
            }
            (None, Some(rid)) => {
                self.producers.iter().filter(fits).find(|p| p.rids.iter().any(|r| r.as_deref() == Some(rid)))
            }
            // Without extensions a payload type may say it, if one producer alone uses it and it signaled no SSRC.
            (None, None) => {
                let mut fitting =
                    self.producers.iter().filter(|p| !p.signaled && p.rids.len() == 1).filter(fits);
                fitting.next().filter(|_| fitting.next().is_none())
            }
        }?;
        let encoding = match rid.or(repaired) {
            Some(rid) => found.rids.iter().position(|r| r.as_deref() == Some(rid))?,
            // A MID alone names the encoding only if there is one.
            None if found.rids.len() == 1 => 0,
            None => return None,
        };
        let stream =
            StreamRef { producer: found.producer, encoding: encoding as u8, rtx: found.rtx.contains(&pt) };
        self.learnt += 1;
        self.by_ssrc.insert(header.ssrc, stream);
        Some(stream)
    }
}
