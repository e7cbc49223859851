use sfu_core::control::{
    Dump, EntityId, LinkDump, ReceivedExtensions, SctpStreams, Target, TraceEvents, TransportDump,
};

use super::convert::{sctp_parameters, sctp_state, sctp_streams};
use super::detail::TransportDetail;
use super::{Desk, direct_transport, pipe_transport, plain_transport, webrtc_transport};
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, Kind, Link};
use crate::schema::v3_27::common::{StringString, Uint16String, Uint32String};
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::transport::{
    self, RecvRtpHeaderExtensions, RtpListener, SctpListener, TraceEventType,
};

/// All that is known of a transport.
pub(super) async fn dump(desk: &Desk, key: Key) -> Result<Body, Refusal> {
    let wrong = || Refusal::error("signaling.mediasoup: this is the dump of something else");
    let Some((Entity::Transport(facts), detail)) =
        desk.registry.get(key).map(|entry| (&entry.entity, &entry.detail))
    else {
        return Err(wrong());
    };
    let Dump::Transport(mut dump) = desk.dump(facts.id).await? else { return Err(wrong()) };
    let link = std::mem::replace(
        &mut dump.link,
        LinkDump::Direct { max_send_message_size: 0, max_receive_message_size: 0 },
    );
    let base = base(desk, key, &dump);
    let default = TransportDetail::default();
    let detail = detail.transport().unwrap_or(&default);
    let body = match facts.link {
        Link::WebRtc => webrtc_transport::dump(base, link, detail),
        Link::Plain => plain_transport::dump(base, link, detail),
        Link::Pipe => pipe_transport::dump(base, link, detail),
        Link::Direct => Some(direct_transport::dump(base)),
    };
    body.ok_or_else(wrong)
}

fn base(desk: &Desk, key: Key, dump: &TransportDump) -> transport::Dump {
    let entry = desk.registry.get(key);
    let names = |kind| desk.registry.children(key, kind).map(|(_, entry)| entry.id.clone()).collect();
    let (direct, sizes) = match entry.map(|entry| &entry.entity) {
        Some(Entity::Transport(facts)) => {
            (facts.link == Link::Direct, (facts.max_send_message_size, facts.max_receive_message_size))
        }
        _ => (false, (0, 0)),
    };
    let sctp = dump.sctp.as_ref();
    let streams = |sctp: &sfu_core::control::SctpDump| {
        sctp.streams.unwrap_or(SctpStreams { max_outbound: 0, max_inbound: 0 })
    };
    let by_number = |list: &[(u32, Target)]| {
        let name = |(key, target): &(u32, Target)| {
            Some(Uint32String { key: *key, value: desk.registry.name_of(*target)?.to_owned() })
        };
        list.iter().filter_map(name).collect::<Vec<_>>()
    };
    let by_text = |list: &[(String, sfu_core::control::ProducerId)]| {
        let name = |(key, producer): &(String, sfu_core::control::ProducerId)| {
            Some(StringString { key: key.clone(), value: desk.registry.name_of(*producer)?.to_owned() })
        };
        list.iter().filter_map(name).collect()
    };
    transport::Dump {
        id: entry.map(|entry| entry.id.clone()).unwrap_or_default(),
        direct,
        producer_ids: names(Kind::Producer),
        consumer_ids: names(Kind::Consumer),
        map_ssrc_consumer_id: by_number(&targets(&dump.consumer_ssrcs)),
        map_rtx_ssrc_consumer_id: by_number(&targets(&dump.consumer_rtx_ssrcs)),
        data_producer_ids: names(Kind::DataProducer),
        data_consumer_ids: names(Kind::DataConsumer),
        recv_rtp_header_extensions: extensions(dump.extensions),
        rtp_listener: RtpListener {
            ssrc_table: by_number(&targets(&dump.ssrcs)),
            mid_table: by_text(&dump.mids),
            rid_table: by_text(&dump.rids),
        },
        max_send_message_size: sizes.0,
        max_receive_message_size: sizes.1,
        sctp_parameters: sctp.map(sctp_parameters),
        sctp_state: sctp.map(|sctp| sctp_state(sctp.state)),
        sctp_negotiated_capabilities: sctp.map(|sctp| sctp_streams(streams(sctp))),
        sctp_listener: sctp.map(|sctp| SctpListener {
            stream_id_table: sctp
                .data_producers
                .iter()
                .filter_map(|(stream, producer)| {
                    let value = desk.registry.name_of(*producer)?.to_owned();
                    Some(Uint16String { key: *stream, value })
                })
                .collect(),
        }),
        trace_event_types: trace_events(dump.trace),
    }
}

fn targets<I: EntityId + Into<Target>>(list: &[(u32, I)]) -> Vec<(u32, Target)> {
    list.iter().map(|(key, id)| (*key, (*id).into())).collect()
}

fn extensions(extensions: ReceivedExtensions) -> RecvRtpHeaderExtensions {
    RecvRtpHeaderExtensions {
        mid: extensions.mid,
        rid: extensions.rid,
        rrid: extensions.repaired_rid,
        abs_send_time: extensions.abs_send_time,
        transport_wide_cc01: extensions.transport_cc,
    }
}

fn trace_events(events: TraceEvents) -> Vec<TraceEventType> {
    let known =
        [(TraceEvents::PROBATION, TraceEventType::Probation), (TraceEvents::BANDWIDTH, TraceEventType::Bwe)];
    known.into_iter().filter(|(event, _)| events.intersects(*event)).map(|(_, event)| event).collect()
}
