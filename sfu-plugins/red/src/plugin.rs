//! The hooks.
use sfu_core::control::{MediaKind, RtpParameters};
use sfu_core::media::Codec;
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, NewRtp, Plugin, ProducerId, ProducerInfo, Responder, RouterInfo,
    Rows, RtpPacket, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json::json;

use crate::history::{History, KEPT};
use crate::incoming::Seen;
use crate::rfc2198::{Block, Blocks, len, write};
use crate::settings::{Options, Request};

/// Of an answer: the request is not one that this plugin can serve.
const CODE_INVALID: u32 = 467;
/// Encodings of an audio producer at the most.
const MAX_ENCODINGS: usize = 4;
/// Room for a payload with redundancy; a datagram with it stays below 1500 bytes.
const ROOM: usize = 1300;
/// Bytes of all restored packets of one payload at the most.
const MAX_RESTORED: usize = 4096;

/// Takes redundancy off what comes in, restores what was lost from it, and adds it for receivers that negotiated it.
#[derive(Default)]
pub struct Red {
    received: u64,
    malformed: u64,
    restored: u64,
    sent: u64,
    redundant_bytes: u64,
    without_room: u64,
}

/// A producer that sends redundancy.
pub struct Incoming {
    producer: ProducerId,
    /// Payload types of RED and of Opus, as sets.
    red: u128,
    opus: u128,
    seen: [Seen; MAX_ENCODINGS],
}

/// A consumer that takes redundancy.
pub struct Outgoing {
    payload_type: u8,
    packets: usize,
    max_bytes: usize,
    history: History,
}

#[plugin(id = "red", off, on_panic = "forward")]
impl Plugin for Red {
    type Options = Options;
    type Request = Request;
    type Router = ();
    type Producer = Incoming;
    type Consumer = Outgoing;

    fn router_opened(&mut self, _: &RouterInfo<'_>, _: &Options, _: &mut Cx<'_>) -> Attach<()> {
        // So that it is known where it is on.
        Attach::On(())
    }

    fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &Options, _: &mut Cx<'_>) -> Attach<Incoming> {
        let (red, opus) = (set(info.rtp_parameters, is_red), set(info.rtp_parameters, is_opus));
        if info.kind != MediaKind::Audio || red == 0 || opus == 0 {
            return Attach::Off;
        }
        Attach::On(Incoming { producer: info.id, red, opus, seen: Default::default() })
    }

    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        options: &Options,
        _: &mut Cx<'_>,
    ) -> Attach<Outgoing> {
        let mut types = info.rtp_parameters.codecs.iter().filter(|codec| is_red(&codec.mime_type));
        match types.next() {
            Some(red) if options.packets > 0 => Attach::On(Outgoing {
                payload_type: red.payload_type,
                packets: KEPT.min(options.packets.into()),
                max_bytes: ROOM.min(options.max_bytes.into()),
                history: History::new(),
            }),
            _ => Attach::Off,
        }
    }

    fn rtp_in(&mut self, st: &mut Incoming, pkt: &mut RtpPacket<'_>, _: &mut (), cx: &mut Cx<'_>) -> Verdict {
        let number = pkt.sequence_number();
        let Some(seen) = st.seen.get_mut(usize::from(pkt.encoding())) else { return Verdict::Forward };
        seen.note(number);
        if st.red & bit(pkt.payload_type()) == 0 {
            return Verdict::Forward;
        }
        let blocks = Blocks::parse(pkt.payload());
        let Some(blocks) = blocks.filter(|blocks| {
            st.opus & bit(blocks.own().payload_type) != 0 && !blocks.own().payload.is_empty()
        }) else {
            self.malformed += 1;
            return Verdict::Drop;
        };
        self.received += 1;
        let mut bytes = 0;
        // The last of the earlier blocks is the packet right before this one, and so on.
        let earlier = blocks.earlier();
        for (block, back) in earlier.iter().zip((1..=earlier.len() as u16).rev()) {
            let lost = number.wrapping_sub(back);
            bytes += block.payload.len();
            let is_opus = st.opus & bit(block.payload_type) != 0 && !block.payload.is_empty();
            if !is_opus || block.offset == 0 || bytes > MAX_RESTORED || !seen.is_missing(lost) {
                continue;
            }
            let packet = NewRtp::new(pkt.timestamp().wrapping_sub(block.offset.into()), block.payload)
                .payload_type(block.payload_type)
                .encoding(pkt.encoding())
                .in_place_of(lost);
            if cx.producer(st.producer).inject_rtp(packet).is_ok() {
                seen.note(lost);
                self.restored += 1;
            }
        }
        let own = blocks.own();
        let (payload_type, own_len) = (own.payload_type, own.payload.len());
        let start = pkt.payload().len() - own_len;
        // On the way in a payload is changed where it is, and getting shorter it has room.
        match pkt.payload_mut() {
            Ok(payload) => payload.copy_within(start.., 0),
            Err(_) => return Verdict::Drop,
        }
        if pkt.set_payload_len(own_len).is_err() {
            return Verdict::Drop;
        }
        pkt.set_payload_type(payload_type);
        Verdict::Forward
    }

    fn rtp_out(&mut self, st: &mut Outgoing, pkt: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        if pkt.codec() != Codec::Opus {
            return Verdict::Forward;
        }
        let timestamp = pkt.timestamp();
        let own = Block { payload_type: pkt.payload_type(), offset: 0, payload: pkt.payload() };
        let mut room = [Block::default(); KEPT];
        let found = st.history.before(timestamp, own.payload_type, &mut room);
        let first = KEPT - found.min(st.packets);
        let mut earlier = room.get(first..).unwrap_or_default();
        while !earlier.is_empty() && len(earlier, own) > st.max_bytes {
            earlier = earlier.get(1..).unwrap_or_default();
        }
        let mut payload = [0; ROOM];
        let written = write(&mut payload, earlier, own);
        let redundant: usize = earlier.iter().map(|block| block.payload.len()).sum();
        st.history.push(timestamp, own.payload);
        // What has no room goes as it is: the receiver takes Opus, too.
        let Some(payload) = written.and_then(|len| payload.get(..len)) else {
            self.without_room += 1;
            return Verdict::Forward;
        };
        if pkt.replace_payload(payload).is_err() {
            self.without_room += 1;
            return Verdict::Forward;
        }
        pkt.set_payload_type(st.payload_type);
        self.sent += 1;
        self.redundant_bytes += redundant as u64;
        Verdict::Forward
    }

    fn request(
        &mut self,
        Request::Status {}: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        match at {
            Target::Router(id) => re.ok(json!({ "on": rows.get(id).is_some() })),
            _ => re.error(CODE_INVALID, "plugins.red: ask about a router, as `target` of the request"),
        }
    }

    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("senders", rows.iter::<ProducerId>().count());
        out.put_sum("receivers", rows.iter::<ConsumerId>().count());
        out.put_sum("received_packets", self.received);
        out.put_sum("restored_packets", self.restored);
        out.put_sum("malformed_packets", self.malformed);
        out.put_sum("sent_packets", self.sent);
        out.put_sum("redundant_bytes", self.redundant_bytes);
        out.put_sum("without_room_packets", self.without_room);
    }
}

/// Payload types of the codecs that `which` says yes to.
fn set(parameters: &RtpParameters, which: impl Fn(&str) -> bool) -> u128 {
    let codecs = parameters.codecs.iter().filter(|codec| which(&codec.mime_type));
    codecs.fold(0, |set, codec| set | bit(codec.payload_type))
}

fn is_red(mime_type: &str) -> bool {
    mime_type.eq_ignore_ascii_case("audio/red")
}

fn is_opus(mime_type: &str) -> bool {
    mime_type.eq_ignore_ascii_case("audio/opus")
}

#[inline]
fn bit(payload_type: u8) -> u128 {
    1 << (payload_type & 0x7F)
}
