//! The hooks.
use std::collections::HashMap;

use sfu_core::control::MediaKind;
use sfu_core::plugin::{
    Attach, Cx, Plugin, ProducerId, ProducerInfo, Refusal, Responder, Rows, RtpPacket, Stats, Target,
    TransportId, TransportInfo, Verdict, plugin,
};
use sfu_core::serde_json::{Value, json};

use crate::allowance::{Allowance, Decision};
use crate::settings::{Options, Request};

/// What audio without a limit is taken for where a sender is told how much it may send, bit/s.
const UNLIMITED_AUDIO: u32 = 128_000;

/// Says which codecs may be published, and how much a producer may send.
#[derive(Default)]
pub struct Policy {
    refused: u64,
    dropped_packets: u64,
    dropped_bytes: u64,
    /// What senders were told that they may send at the most, by this plugin.
    told: HashMap<TransportId, u32>,
}

#[plugin(id = "policy", off)]
impl Plugin for Policy {
    type Options = Options;
    type Request = Request;
    type Transport = ();
    type Producer = Allowance;

    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }

    fn transport_closed(&mut self, id: TransportId, (): (), _: &mut Cx<'_>) {
        self.told.remove(&id);
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Allowance> {
        let mut codecs = info.rtp_parameters.codecs.iter().filter(|codec| !codec.is_rtx());
        if let Some(codec) = codecs.find(|codec| !options.allows(&codec.mime_type)) {
            // What is there already goes on; who is late hears of it all the same.
            self.refused += 1;
            let body = json!({ "event": "policy.refused", "codec": codec.mime_type, "late": info.late() });
            cx.notify(info.transport, body);
            let text = format!("policy: {} is not allowed here; publish {}", codec.mime_type, options.list());
            return Attach::Refuse(Refusal::new(text));
        }
        let stream = info.labels.get("stream").map(str::to_owned);
        let allowance = Allowance::new(info.id, info.kind, stream, options.limits(info.kind), cx.now());
        if !allowance.is_limited() && options.video_bitrate == 0 {
            return Attach::Off;
        }
        self.tell_sender(info, options, cx);
        Attach::On(allowance)
    }

    fn producer_closed(&mut self, _: ProducerId, state: Allowance, _: &mut Cx<'_>) {
        self.dropped_packets += state.dropped_packets;
        self.dropped_bytes += state.dropped_bytes;
    }

    fn rtp_in(
        &mut self,
        st: &mut Allowance,
        pkt: &mut RtpPacket<'_>,
        _: &mut (),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        match st.decide(cx.now(), pkt) {
            Decision::Pass => Verdict::Forward,
            Decision::Drop => Verdict::Drop,
            Decision::DropAndAsk => {
                cx.request_key_frame(st.producer);
                Verdict::Drop
            }
        }
    }

    fn request(
        &mut self,
        Request::Status {}: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let below = |id: ProducerId| cx.view().lineage(id.into()).contains(&at);
        let producers: Vec<Value> =
            rows.iter::<ProducerId>().filter(|(id, _)| below(*id)).map(|(_, row)| status(row)).collect();
        re.ok(json!({ "producers": producers }));
    }

    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        rows.for_each(|id: ProducerId, row| {
            let news = row.take_news();
            if news > 0 {
                let body = json!({
                    "event": "policy.dropped",
                    "stream": row.stream,
                    "kind": row.kind,
                    "packets": news,
                    "total": row.dropped_packets,
                });
                cx.notify(id, body);
            }
        });
    }

    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        let mut sums = (self.dropped_packets, self.dropped_bytes);
        let mut limited = 0_u64;
        for (_, row) in rows.iter::<ProducerId>() {
            sums = (sums.0 + row.dropped_packets, sums.1 + row.dropped_bytes);
            limited += u64::from(row.is_limited());
        }
        out.put_sum("refused", self.refused);
        out.put_sum("limited", limited);
        out.put_sum("dropped_packets", sums.0);
        out.put_sum("dropped_bytes", sums.1);
    }
}

impl Policy {
    /// Tells the sender of a transport what its producers may send together, so that it does not send for nothing.
    fn tell_sender(&mut self, opening: &ProducerInfo<'_>, options: &Options, cx: &mut Cx<'_>) {
        let transport = opening.transport;
        if options.video_bitrate == 0 {
            return;
        }
        let audio = if options.audio_bitrate == 0 { UNLIMITED_AUDIO } else { options.audio_bitrate };
        let Some(view) = cx.view().transport(transport) else { return };
        // A bound that somebody else set is theirs.
        let ours = self.told.get(&transport).copied().unwrap_or(0);
        if view.max_incoming_bitrate != ours {
            return;
        }
        let present: Vec<ProducerId> = cx.view().below(transport);
        let others = present.iter().filter(|id| **id != opening.id);
        let others = others.filter_map(|id| Some(cx.view().producer(*id)?.kind));
        let kinds = std::iter::once(opening.kind).chain(others);
        let bitrates = kinds.map(|kind| match kind {
            MediaKind::Audio => audio,
            MediaKind::Video => options.video_bitrate,
        });
        let sum = bitrates.fold(0_u32, u32::saturating_add);
        self.told.insert(transport, sum);
        cx.set_max_incoming_bitrate(transport, sum);
    }
}

fn status(row: &Allowance) -> Value {
    json!({
        "producer": row.producer,
        "stream": row.stream,
        "kind": row.kind,
        "bitrate": row.bitrate,
        "packetRate": row.packet_rate,
        "droppedPackets": row.dropped_packets,
        "droppedBytes": row.dropped_bytes,
    })
}
