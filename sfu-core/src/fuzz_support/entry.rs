//! Entry points of fuzz targets: bytes in, nothing out, no panic.
use std::cell::RefCell;
use std::time::Duration;

use super::Storm;
use crate::control::*;
use crate::media::bitstream::{AnnexBNals, Av1Obus, Av1SequenceHeader, H264Sps, vp8_size, vp9_key_frame};
use crate::media::mjr::MjrReader;
use crate::media::{Depacketizer, InOrder, Reorder};
use crate::plugin::Nil;
use crate::rtcp::{Compound, RtcpItem};
use crate::rtp::codec::{self, Codec};
use crate::rtp::{ExtensionIds, ExtensionKind, ExtensionTable, RtpHeader};
use crate::signaling::negotiation::*;
// The control API has one of that name too.
use crate::signaling::negotiation::ProducerDescription;
use crate::signaling::ortc::{ProduceFilter, RtpCapabilities, SsrcSource};
use crate::signaling::sdp::{IceFragment, SessionDescription};
use crate::transport::ice::{Message, parse_username};

const CODECS: [Codec; 13] = [
    Codec::Opus,
    Codec::MultiOpus,
    Codec::Pcmu,
    Codec::Pcma,
    Codec::G722,
    Codec::L16,
    Codec::Vp8,
    Codec::Vp9,
    Codec::H264,
    Codec::H265,
    Codec::Av1,
    Codec::OtherAudio,
    Codec::OtherVideo,
];

/// A STUN message: everything that can be asked of it.
pub fn stun(data: &[u8]) {
    let _ = parse_username(data);
    let Ok(message) = Message::parse(data) else { return };
    let _ =
        (message.class(), message.method(), message.transaction_id(), message.ufrags(), message.priority());
    let _ = (message.nomination(), message.xor_mapped_address(), message.error_code(), message.username());
    let _ =
        (message.is_authentic(b"password"), message.unknown_required().count(), message.attributes().count());
}

/// An RTP packet: header, extensions, and its payload as that of every codec.
pub fn rtp(data: &[u8]) {
    let Ok(header) = RtpHeader::parse(data) else { return };
    let mut ids = ExtensionIds::default();
    for (index, kind) in ExtensionKind::ALL.into_iter().enumerate() {
        ids.set(kind, index as u8 + 1);
    }
    let table = ExtensionTable::scan(data, &header, &ids);
    let _ = (table.audio_level(data), table.video_orientation(data), table.transport_cc(data));
    let payload = header.payload(data);
    for codec in CODECS {
        let _ = (codec::is_key_frame(codec, payload), codec::resolution(codec, payload));
    }
    if let Some(rest) = data.get(..data.len().min(1500)) {
        let mut copy = rest.to_vec();
        if let Ok(header) = RtpHeader::parse(&copy) {
            let _ = crate::rtp::rtx::decapsulate(&mut copy, &header, 1, 96);
        }
    }
    for mut depacketizer in CODECS.into_iter().filter_map(Depacketizer::new) {
        // The payload as the beginning, the middle and the end of a frame, and cut in two.
        let (one, two) = payload.split_at(payload.len() / 2);
        for (number, part) in [payload, one, two, payload].into_iter().enumerate() {
            let _ = depacketizer.push(number as u16, header.timestamp, number % 2 == 1, part);
        }
    }
    let mut copy = payload.to_vec();
    if let Some(descriptor) = codec::Vp8Descriptor::parse(payload) {
        descriptor.set_picture_id(&mut copy, 0x7fff);
        descriptor.set_tl0_pic_idx(&mut copy, 0xff);
    }
    if let Some(descriptor) = codec::Vp9Descriptor::parse(payload) {
        descriptor.set_picture_id(&mut copy, 0x7fff);
        descriptor.set_tl0_pic_idx(&mut copy, 0xff);
    }
    let _ = (codec::H264Nals::new(payload).count(), codec::Av1Aggregation::parse(payload).is_some());
    let _ = (codec::H264Payload::parse(payload).is_some(), codec::OpusToc::parse(payload).is_some());
    let _ = codec::is_opus_dtx(payload);
}

/// A payload of every codec: what its frame means to receivers of each layer, and other numbers in its descriptor.
pub fn payload_descriptor(data: &[u8]) {
    let Some(([first, second, third], payload)) = data.split_first_chunk::<3>() else { return };
    let edit = codec::NumberEdit::numbers(u16::from_be_bytes([first & 0x7f, *second]), *third);
    for codec in CODECS {
        let key_frame = codec::is_key_frame(codec, payload);
        for key_pictures_only in [false, true] {
            let _ = codec::FrameMark::of_payload(codec, payload, key_frame, key_pictures_only);
        }
        let (prefix, len) = edit.prefix(codec, payload);
        let mut whole = payload.to_vec();
        edit.apply(codec, &mut whole);
        let put_together = [&prefix[..len], &payload[len..]].concat();
        assert_eq!(put_together, whole, "{codec:?}: written in place it is something else");
    }
}

/// Dependency Descriptors, one behind the other with their lengths before them, as a sender's packets have them; each rewritten twice.
pub fn dependency_descriptor(data: &[u8]) {
    let (mut known, mut rest) = (None, data);
    while let Some((len, tail)) = rest.split_first() {
        let (value, tail) = tail.split_at(tail.len().min(usize::from(*len)));
        rest = tail;
        let _ = codec::DependencyDescriptor::parse(value, &mut known);
        let targets = known.as_ref().map_or(0, codec::TemplateStructure::target_count);
        let active = known.as_ref().map_or(0, |structure| structure.targets_up_to(1, 1));
        let edit = codec::DescriptorEdit { active, targets, frame_number_offset: 77 };
        let (mut once, mut twice) = ([0; codec::MAX_DESCRIPTOR_LEN], [0; codec::MAX_DESCRIPTOR_LEN]);
        let len = codec::DependencyDescriptor::rewrite(value, edit, &mut once);
        assert_eq!(codec::DependencyDescriptor::rewrite(value, edit, &mut twice), len);
        assert_eq!(once, twice, "what is sent again would be something else");
    }
}

/// A compound RTCP packet: everything that its packets say.
pub fn rtcp(data: &[u8]) {
    for item in Compound::new(data).flatten() {
        match item {
            RtcpItem::SenderReport(report) => drop(report.blocks().count()),
            RtcpItem::ReceiverReport(report) => drop(report.blocks().count()),
            RtcpItem::Nack(nack) => drop(nack.lost().count()),
            RtcpItem::Fir(fir) => drop(fir.entries().count()),
            RtcpItem::Remb(remb) => drop(remb.ssrcs().count()),
            RtcpItem::TransportCc(feedback) => {
                let _ = (feedback.statuses().count(), feedback.received().count());
            }
            RtcpItem::Xr(report) => {
                for block in report.blocks() {
                    let _ = block.dlrr().count();
                }
            }
            RtcpItem::Sdes(sdes) => drop(sdes.chunks().count()),
            RtcpItem::Bye(bye) => drop(bye.sources().count()),
            _ => {}
        }
    }
}

/// An offer, to publish and to watch, and the same bytes as a trickle fragment.
pub fn sdp(data: &[u8]) {
    let _ = IceFragment::parse(data).map(|fragment| fragment.credentials().cloned());
    let Ok(offer) = SessionDescription::parse(data) else { return };
    let _ = negotiate(&offer, data.len().is_multiple_of(2));
}

/// What an offer leads to: what is produced, and what is consumed of it.
pub(super) struct Negotiated {
    pub(crate) published: Option<PublisherAnswer>,
    pub(crate) watched: Option<ViewerAnswer>,
    /// What the watched media are producers of.
    pub(crate) available: Vec<ProducerDescription>,
}

/// Answers an offer as WHIP and WHEP do.
pub(super) fn negotiate(offer: &SessionDescription, lenient: bool) -> Negotiated {
    let ice = IceParameters { username_fragment: "ours".into(), password: "p".repeat(32), ice_lite: true };
    let value = vec!["0A"; 32].join(":");
    let fingerprints = [DtlsFingerprint { algorithm: FingerprintAlgorithm::Sha256, value }];
    let local = LocalTransport { ice: &ice, candidates: &[], fingerprints: &fingerprints };
    let router = ROUTER.with(RtpCapabilities::clone);
    let mut number = 0x1000_0000;
    let mut next = move || {
        number += 1;
        number
    };
    let mut ssrcs = SsrcSource::new(&mut next);
    let filter = ProduceFilter { all_codecs: lenient, ..ProduceFilter::default() };
    let policy = PublisherPolicy { filter, partial: lenient, ..PublisherPolicy::default() };
    let published = answer_publisher(offer, &router, &policy, &local, &mut ssrcs).ok();
    let mut available = samples();
    if let Some(published) = &published {
        read_again(&published.answer);
        let media = published.produce.iter();
        available
            .extend(media.map(|m| ProducerDescription { kind: m.kind, consumable: m.consumable.clone() }));
    }
    let watched =
        answer_viewer(offer, &available, &router, &ViewerPolicy::default(), &local, &mut ssrcs).ok();
    if let Some(watched) = &watched {
        read_again(&watched.answer);
    }
    Negotiated { published, watched, available }
}

/// Whatever the offer was: nobody may be sent an answer that can't be read.
fn read_again(answer: &SessionDescription) {
    let text = answer.to_string();
    let read = SessionDescription::parse(text.as_bytes());
    assert_eq!(read.as_ref(), Ok(answer), "an answer that says something else when it is read:\n{text}");
}

thread_local! {
    static ROUTER: RtpCapabilities = RtpCapabilities::router();
    static SAMPLES: RefCell<Vec<ProducerDescription>> = const { RefCell::new(Vec::new()) };
    static STORM: RefCell<Option<Storm<Nil>>> = const { RefCell::new(None) };
}

fn samples() -> Vec<ProducerDescription> {
    SAMPLES.with_borrow_mut(|samples| {
        if samples.is_empty() {
            let offer = SessionDescription::parse(super::OFFERS[0].as_bytes()).expect("fuzz: a sample");
            let mut next = || 7;
            let mut ssrcs = SsrcSource::new(&mut next);
            let plan = PublisherPlan::new(
                &offer,
                &RtpCapabilities::router(),
                &PublisherPolicy::default(),
                &mut ssrcs,
            );
            let produce = plan.map(|plan| plan.produce).unwrap_or_default().into_iter();
            *samples =
                produce.map(|m| ProducerDescription { kind: m.kind, consumable: m.consumable }).collect();
        }
        samples.clone()
    })
}

/// An MJR file: its header and all its records.
pub fn mjr(data: &[u8]) {
    let Ok(mut reader) = MjrReader::open(data) else { return };
    while let Ok(Some(record)) = reader.next_record() {
        let _ = record.message();
    }
}

/// A frame: what its bitstream says of itself, as one of every codec.
pub fn bitstream(data: &[u8]) {
    let _ = (vp8_size(data), vp9_key_frame(data));
    let _ = (Av1SequenceHeader::find(data), Av1SequenceHeader::parse(data), H264Sps::parse(data));
    for unit in AnnexBNals::new(data) {
        let _ = H264Sps::parse(unit);
    }
    for unit in Av1Obus::new(data) {
        let _ = Av1SequenceHeader::parse(unit.1);
    }
}

/// Packets to be put in order, four bytes each: milliseconds since the one before, what is done then, sequence number.
pub fn reorder(data: &[u8]) {
    const CAPACITY: usize = 8;
    let mut reorder = Reorder::new(Duration::from_millis(100), CAPACITY);
    let (mut now, mut last, mut pushed, mut popped) = (Duration::ZERO, None, 0, 0);
    let mut check = |packet: Option<InOrder<u16>>| {
        let Some(InOrder { packet, lost }) = packet else { return false };
        let follows = last.is_none_or(|last: u16| packet == last.wrapping_add(1));
        assert!(lost || follows, "{packet} follows {last:?}, and nothing is said to be lost");
        last = Some(packet);
        popped += 1;
        true
    };
    for step in data.chunks_exact(4) {
        let [pause, act, high, low] = *step else { continue };
        now += Duration::from_millis(pause.into());
        let number = u16::from_be_bytes([high, low]);
        reorder.push(number, now, number);
        pushed += 1;
        match act % 16 {
            0 => while check(reorder.drain()) {},
            1 => reorder.restart(),
            // Some are left in, as one does who takes a few at a time.
            2 => drop(check(reorder.pop(now))),
            _ => while check(reorder.pop(now)) {},
        }
    }
    while check(reorder.pop(now)) {}
    let held = std::iter::from_fn(|| reorder.drain()).count();
    assert!(held <= CAPACITY && popped + held <= pushed, "{held} held, {popped} of {pushed} came out");
}

/// A datagram that nobody has authenticated, to a worker with transports of every kind.
pub fn datagram(data: &[u8]) {
    STORM.with_borrow_mut(|storm| {
        let storm = storm.get_or_insert_with(|| Storm::new(1, serde_json::Value::Null));
        storm.stranger(data);
    });
}
