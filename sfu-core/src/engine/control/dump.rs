//! All that is known of an entity, for people who debug.
use super::create::ice_parameters;
use super::not_found;
use super::plain::srtp_parameters;
use crate::control::{
    ConsumerDump, ControlError, DtlsParameters, Dump, LinkDump, ProducerDump, ReceivedExtensions,
    RtpParameters, StreamDump, Target, TransportDump, WebRtcServerDump,
};
use crate::engine::Engine;
use crate::engine::consumer::Consumer;
use crate::engine::encoding::Encoding;
use crate::engine::layers::Layer;
use crate::engine::producer::Producer;
use crate::engine::transport::{Link, Transport};
use crate::net::Protocol;
use crate::rtp::ExtensionKind;

impl Engine {
    /// All that is known of an entity. Fails if there is none, and for kinds of which nothing can be told.
    pub(super) fn dump(&mut self, target: Target) -> Result<Dump, ControlError> {
        let dump = match target {
            Target::WebRtcServer(id) => self.dump_webrtc_server(id),
            Target::Transport(id) => self
                .transports
                .get(id)
                .map(|transport| Dump::Transport(Box::new(self.dump_transport(transport)))),
            Target::Producer(id) => {
                self.producers.get(id).map(|producer| Dump::Producer(Box::new(dump_producer(producer))))
            }
            Target::Consumer(id) => {
                self.consumers.get(id).map(|consumer| Dump::Consumer(Box::new(self.dump_consumer(consumer))))
            }
            Target::DataProducer(id) => self.dump_data_producer(id),
            Target::DataConsumer(id) => self.dump_data_consumer(id),
            other => {
                return Err(ControlError::unsupported(format!("control.dump: there is none of {other:?}")));
            }
        };
        dump.ok_or_else(|| not_found(target))
    }

    fn dump_webrtc_server(&self, id: crate::control::WebRtcServerId) -> Option<Dump> {
        let server = self.webrtc_servers.get(id)?;
        let of = |protocol| {
            let sockets = server.listen.iter().filter(move |listening| listening.protocol == protocol);
            sockets.map(|listening| listening.address).collect()
        };
        let mut username_fragments = Vec::new();
        for transport in server.transports.iter().filter_map(|id| self.transports.get(*id)) {
            if let Link::WebRtc(link) = &transport.link {
                let fragments = std::iter::once(link.ice.local_ufrag()).chain(link.ice.previous_ufrag());
                username_fragments.extend(fragments.map(|fragment| (fragment.to_owned(), transport.id)));
            }
        }
        Some(Dump::WebRtcServer(WebRtcServerDump {
            id,
            udp: of(Protocol::Udp),
            tcp: of(Protocol::Tcp),
            transports: server.transports.clone(),
            username_fragments,
        }))
    }

    fn dump_transport(&self, transport: &Transport) -> TransportDump {
        let id = |kind| Some(transport.ingress.extensions.id(kind)).filter(|id| *id != 0);
        let leaving = |rtx| {
            let streams = transport.egress.iter().filter(move |(_, egress)| egress.rtx == rtx);
            let mut ssrcs: Vec<_> = streams.map(|(ssrc, egress)| (*ssrc, egress.consumer)).collect();
            ssrcs.sort_unstable_by_key(|(ssrc, _)| *ssrc);
            ssrcs
        };
        TransportDump {
            id: transport.id,
            router: self.known_router(transport.router),
            extensions: ReceivedExtensions {
                mid: id(ExtensionKind::Mid),
                rid: id(ExtensionKind::Rid),
                repaired_rid: id(ExtensionKind::RepairedRid),
                abs_send_time: id(ExtensionKind::AbsSendTime),
                transport_cc: id(ExtensionKind::TransportCc),
            },
            ssrcs: transport.ingress.ssrcs(),
            mids: transport.ingress.mids(),
            rids: transport.ingress.rids(),
            consumer_ssrcs: leaving(false),
            consumer_rtx_ssrcs: leaving(true),
            sctp: transport.sctp.as_ref().map(|link| link.dump()),
            trace: transport.trace,
            link: self.dump_link(transport),
        }
    }

    fn dump_link(&self, transport: &Transport) -> LinkDump {
        match &transport.link {
            Link::WebRtc(link) => LinkDump::WebRtc {
                ice_parameters: ice_parameters(link.ice.credentials()),
                ice_candidates: link.candidates.clone(),
                ice_state: link.ice_state(),
                tuple: transport.tuple(),
                dtls_parameters: DtlsParameters {
                    role: link.role.unwrap_or_default(),
                    fingerprints: self.config.fingerprints.clone(),
                },
                dtls_state: link.dtls_state,
            },
            Link::Plain(link) => {
                let tuple = crate::engine::transport::tuple(link.rtp_remote, link.rtp_local);
                let srtp_parameters = srtp_parameters(link);
                match link.pipe {
                    Some(pipe) => LinkDump::Pipe { tuple, rtx: pipe.rtx, srtp_parameters },
                    None => LinkDump::Plain {
                        rtcp_mux: link.rtcp_socket.is_none(),
                        comedia: link.comedia,
                        tuple,
                        rtcp_tuple: transport.rtcp_tuple(),
                        srtp_parameters,
                    },
                }
            }
            Link::Direct(link) => LinkDump::Direct {
                max_send_message_size: link.max_send_message_size,
                max_receive_message_size: link.max_receive_message_size,
            },
        }
    }

    fn dump_consumer(&self, consumer: &Consumer) -> ConsumerDump {
        let media = || consumer.codecs.media().map(|codec| codec.number);
        let (payload_types, first) = (media().collect(), media().next().unwrap_or_default());
        let streams = consumer.streams().zip(0u8..).map(|(sent, index)| {
            let score = sent.stream.score();
            let ssrcs = (sent.ssrc, sent.rtx_ssrc());
            StreamDump { score, ..stream(&consumer.parameters, index, first, ssrcs) }
        });
        let id = consumer.id;
        ConsumerDump {
            id,
            producer: self.producers.get(consumer.producer).map_or(consumer.producer, Producer::known_as),
            kind: consumer.kind,
            consumer_type: consumer.consumer_type,
            rtp_parameters: consumer.parameters.clone(),
            consumable_encodings: consumer.consumable_encodings.clone(),
            payload_types,
            trace: consumer.trace,
            paused: consumer.paused,
            producer_paused: consumer.producer_paused,
            priority: consumer.priority,
            streams: streams.collect(),
            preferred_layers: self.preferred_layers(id),
            target_layers: self.target_layers(id),
            current_layers: self.current_layers(id).map(Layer::told),
            score: self.consumer_score(id).unwrap_or_default(),
        }
    }
}

fn dump_producer(producer: &Producer) -> ProducerDump {
    let streams = producer.encodings.iter().enumerate();
    ProducerDump {
        id: producer.id,
        kind: producer.kind,
        consumer_type: producer.consumer_type(),
        rtp_parameters: producer.parameters.clone(),
        rtp_mapping: producer.mapping.clone(),
        streams: streams.filter_map(|(index, encoding)| received(producer, index as u8, encoding)).collect(),
        trace: producer.trace,
        paused: producer.paused,
    }
}

fn received(producer: &Producer, index: u8, encoding: &Encoding) -> Option<StreamDump> {
    let receiving = encoding.stream.as_ref()?;
    Some(StreamDump {
        rid: encoding.rid.clone(),
        use_dtx: encoding.dtx,
        score: receiving.stream.score(),
        ..stream(&producer.parameters, index, receiving.payload_type, (receiving.ssrc, encoding.rtx_ssrc))
    })
}

/// What the parameters of a producer or a consumer say of one of its streams.
fn stream(
    parameters: &RtpParameters,
    index: u8,
    payload_type: u8,
    (ssrc, rtx_ssrc): (u32, Option<u32>),
) -> StreamDump {
    let codec = parameters.codecs.iter().find(|codec| codec.payload_type == payload_type);
    let rtx = parameters.codecs.iter().find(|codec| codec.is_rtx() && codec.apt() == Some(payload_type));
    let encoding = parameters.encodings.get(usize::from(index));
    let (spatial_layers, temporal_layers) =
        encoding.and_then(|encoding| layer_counts(encoding.scalability_mode.as_deref()?)).unwrap_or((1, 1));
    let has = |kind, parameter| codec.is_some_and(|codec| codec.has_feedback(kind, parameter));
    let is_on =
        |name| codec.is_some_and(|codec| codec.parameters.get(name).is_some_and(|value| value == "1"));
    StreamDump {
        encoding: index,
        ssrc,
        payload_type,
        mime_type: codec.map(|codec| codec.mime_type.clone()).unwrap_or_default(),
        clock_rate: codec.map_or(0, |codec| codec.clock_rate),
        rid: encoding.and_then(|encoding| encoding.rid.clone()),
        cname: parameters.rtcp.cname.clone().unwrap_or_default(),
        rtx_ssrc,
        rtx_payload_type: rtx_ssrc.and(rtx).map(|rtx| rtx.payload_type),
        use_nack: has("nack", ""),
        use_pli: has("nack", "pli"),
        use_fir: has("ccm", "fir"),
        use_in_band_fec: is_on("useinbandfec"),
        use_dtx: encoding.is_some_and(|encoding| encoding.dtx) || is_on("usedtx"),
        spatial_layers,
        temporal_layers,
        score: 0,
    }
}

/// Spatial and temporal layers that a scalability mode names, e.g. `L3T3_KEY` or `S2T1`.
fn layer_counts(mode: &str) -> Option<(u8, u8)> {
    let (spatial, rest) = mode.strip_prefix(['L', 'S'])?.split_once('T')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let count = |text: &str| text.parse().ok().filter(|count| (1..=99).contains(count));
    Some((count(spatial)?, count(rest.get(..digits)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalability_modes_tell_their_layers() {
        assert_eq!(layer_counts("L3T2"), Some((3, 2)));
        assert_eq!(layer_counts("S2T1h"), Some((2, 1)));
        assert_eq!(layer_counts("L1T3_KEY"), Some((1, 3)));
        for wrong in ["", "L", "L3", "LT", "L0T1", "X1T1", "L1T", "L999T1", "L-1T1"] {
            assert_eq!(layer_counts(wrong), None, "{wrong}");
        }
    }
}
