//! The hooks.
use std::collections::HashMap;

use sfu_core::plugin::{
    Attach, Cx, Plugin, ProducerId, ProducerInfo, Refusal, Responder, Rows, RtpPacket, Stats, Target,
    TransportId, TransportInfo, Verdict, plugin,
};
use sfu_core::serde_json::{Value, json};

use crate::allowance::{Allowance, Decision};
use crate::bound::Bound;
use crate::settings::{Options, Request};

/// Says which codecs may be published, and how much a producer may send.
#[derive(Default)]
pub struct Policy {
    refused: u64,
    dropped_packets: u64,
    dropped_bytes: u64,
    /// What senders were told that they may send at the most, by this plugin.
    bounds: HashMap<TransportId, Bound>,
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
        self.bounds.remove(&id);
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
        let allowance = Allowance::new(info, stream, options.limits(info.kind), cx.now());
        if !allowance.is_limited() && options.video_bitrate == 0 {
            return Attach::Off;
        }
        self.tell_sender(info, options, cx);
        Attach::On(allowance)
    }

    fn producer_closed(&mut self, id: ProducerId, state: Allowance, cx: &mut Cx<'_>) {
        self.tell_sender_less(state.transport, id, cx);
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
        let below = rows.iter::<ProducerId>().filter(|(id, _)| cx.view().is_below(*id, at));
        let producers: Vec<Value> = below.map(|(_, row)| status(row)).collect();
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
        let Some(view) = cx.view().transport(transport) else { return };
        let bound = self.bounds.entry(transport).or_default();
        if bound.is_ours(view.max_incoming_bitrate) {
            bound.add(opening.id, opening.kind, options);
            cx.set_max_incoming_bitrate(transport, bound.bitrate());
        }
    }

    /// Tells it again when a producer is gone, or is no business of this plugin any more.
    fn tell_sender_less(&mut self, transport: TransportId, gone: ProducerId, cx: &mut Cx<'_>) {
        let Some(bound) = self.bounds.get_mut(&transport) else { return };
        let Some(view) = cx.view().transport(transport) else { return };
        let ours = bound.is_ours(view.max_incoming_bitrate);
        if bound.remove(gone) && ours {
            cx.set_max_incoming_bitrate(transport, bound.bitrate());
        }
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
