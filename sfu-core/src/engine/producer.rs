//! A media source: its parameters, its encodings, and who consumes it.
use super::codec_table::CodecTable;
use super::encoding::Encoding;
use super::layers::EncodingLayers;
use super::relay::Relay;
use crate::control::{
    ConsumerId, ConsumerType, ControlError, Labels, MediaKind, ProducerId, ProducerOptions, RouterId,
    RtpCodecParameters, RtpMapping, RtpObserverId, RtpParameters, TraceEvents, TransportId,
};
use crate::rtp::codec::ScalabilityMode;
use crate::rtp::{ExtensionIds, ExtensionKind};

/// Encodings that one producer may have.
pub(crate) const MAX_ENCODINGS: usize = 8;

/// Where a producer's packets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A transport of this media thread.
    Transport(TransportId),
    /// A producer of another media thread, whose packets are relayed to this one.
    Relay(ProducerId),
}

/// A media source.
pub(crate) struct Producer {
    /// Its id.
    pub(crate) id: ProducerId,
    /// Where its packets come from.
    pub(crate) source: Source,
    /// Its router.
    pub(crate) router: RouterId,
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// Its labels.
    pub(crate) labels: Labels,
    /// What the peer sends.
    pub(crate) parameters: RtpParameters,
    /// How that maps to the router's numbers.
    pub(crate) mapping: RtpMapping,
    /// Its payload types.
    pub(crate) codecs: CodecTable,
    /// Its header extensions.
    pub(crate) extensions: ExtensionIds,
    /// Its encodings.
    pub(crate) encodings: Vec<Encoding>,
    /// Who consumes it on this media thread.
    pub(crate) consumers: Vec<ConsumerId>,
    /// Media threads that its packets are relayed to.
    pub(crate) relays: Vec<Relay>,
    /// Nothing is forwarded.
    pub(crate) paused: bool,
    /// Each packet is looked at, because somebody observes the producer or traces its packets.
    pub(crate) is_watched: bool,
    /// Observers of its audio.
    pub(crate) observers: Vec<RtpObserverId>,
    /// What it traces.
    pub(crate) trace: TraceEvents,
    /// Packets that plugins dropped on ingress.
    pub(crate) dropped_by_plugins: u64,
    /// The id under which its packets are numbered, in `extensions` too; 0: they are not.
    pub(crate) packet_id: u8,
    /// That id is ours alone: the peer knows nothing of it.
    pub(crate) has_own_packet_id: bool,
    /// Last video orientation seen.
    pub(crate) orientation: Option<crate::rtp::VideoOrientation>,
}

impl Producer {
    /// Checks options and makes a producer of them.
    pub(crate) fn new(
        id: ProducerId,
        source: Source,
        router: RouterId,
        options: ProducerOptions,
        parent_labels: &Labels,
    ) -> Result<Self, ControlError> {
        let ProducerOptions {
            kind,
            rtp_parameters,
            rtp_mapping,
            paused,
            key_frame_request_delay,
            packet_ids,
            labels,
        } = options;
        let codecs = CodecTable::new(&rtp_parameters, kind)?;
        if rtp_parameters.encodings.is_empty() || rtp_parameters.encodings.len() > MAX_ENCODINGS {
            return Err(ControlError::invalid(format!(
                "control.produce: {} encodings; 1 to {MAX_ENCODINGS} are possible",
                rtp_parameters.encodings.len()
            )));
        }
        if rtp_parameters.mid.as_ref().is_some_and(|mid| mid.is_empty() || mid.len() > 16) {
            return Err(ControlError::invalid("control.produce: a mid has 1 to 16 bytes"));
        }
        // RFC 7587 §6.1: the peer may stop sending during silence.
        let is_dtx = |codec: &RtpCodecParameters| codec.parameters.get("usedtx").is_some_and(|on| on == "1");
        let uses_dtx = rtp_parameters.codecs.iter().any(is_dtx);
        let mut extensions = extension_ids(&rtp_parameters)?;
        let negotiated = extensions.id(ExtensionKind::PacketId);
        let has_own_packet_id = packet_ids && negotiated == 0;
        if has_own_packet_id {
            let is_used = |id: &u8| rtp_parameters.header_extensions.iter().any(|other| other.id == *id);
            let free = (1..=14).rev().find(|id| !is_used(id)).ok_or_else(|| {
                ControlError::invalid(
                    "control.produce: no header extension id of 1 to 14 is left for packet ids",
                )
            })?;
            extensions.set(ExtensionKind::PacketId, free);
        }
        let packet_id = if packet_ids { extensions.id(ExtensionKind::PacketId) } else { 0 };
        let is_simulcast = rtp_parameters.encodings.len() > 1;
        let mut encodings = Vec::with_capacity(rtp_parameters.encodings.len());
        for (index, parameters) in rtp_parameters.encodings.iter().enumerate() {
            let mapped =
                rtp_mapping.encodings.get(index).and_then(|mapped| mapped.scalability_mode.as_deref());
            let text = parameters.scalability_mode.as_deref().or(mapped);
            let mode = text.and_then(ScalabilityMode::parse).unwrap_or(ScalabilityMode::NONE);
            let mut encoding = Encoding::new(parameters, kind, key_frame_request_delay, uses_dtx);
            if is_simulcast || mode.is_layered() {
                encoding.layers = Some(Box::new(EncodingLayers::new(mode)));
            }
            encodings.push(encoding);
        }
        Ok(Producer {
            id,
            source,
            router,
            kind,
            labels: labels.inherit(parent_labels),
            parameters: rtp_parameters,
            mapping: rtp_mapping,
            codecs,
            extensions,
            encodings,
            consumers: Vec::new(),
            relays: Vec::new(),
            paused,
            is_watched: false,
            observers: Vec::new(),
            trace: TraceEvents::NONE,
            dropped_by_plugins: 0,
            packet_id,
            has_own_packet_id,
            orientation: None,
        })
    }

    /// Finds out whether packets have to be looked at: where nobody wants to know, they cost one test.
    pub(crate) fn watch(&mut self) {
        let traces_packets = self.trace.intersects(TraceEvents::RTP.with(TraceEvents::KEY_FRAME));
        self.is_watched = traces_packets || !self.observers.is_empty();
    }

    /// The transport that it belongs to, if it is one of this media thread.
    pub(crate) fn transport(&self) -> Option<TransportId> {
        match self.source {
            Source::Transport(id) => Some(id),
            Source::Relay(_) => None,
        }
    }

    /// The scalability mode of an encoding.
    pub(crate) fn mode(&self, encoding: u8) -> ScalabilityMode {
        let layers = self.encodings.get(usize::from(encoding)).and_then(|encoding| encoding.layers.as_ref());
        layers.map_or(ScalabilityMode::NONE, |layers| layers.mode)
    }

    /// What it is known as outside: what stands for another thread's producer by the name of that one.
    pub(crate) fn known_as(&self) -> ProducerId {
        match self.source {
            Source::Transport(_) => self.id,
            Source::Relay(origin) => origin,
        }
    }

    /// The kind of consumer that fits it.
    pub(crate) fn consumer_type(&self) -> ConsumerType {
        match self.encodings.len() {
            2.. => ConsumerType::Simulcast,
            _ if self.mode(0).is_layered() => ConsumerType::Svc,
            _ => ConsumerType::Simple,
        }
    }
}

/// The ids of the header extensions that the engine knows. Fails on id 0 and on one id used twice.
pub(crate) fn extension_ids(parameters: &RtpParameters) -> Result<ExtensionIds, ControlError> {
    let mut ids = ExtensionIds::default();
    let mut used = [false; 256];
    for extension in &parameters.header_extensions {
        let slot = &mut used[usize::from(extension.id)];
        if extension.id == 0 || *slot {
            return Err(ControlError::invalid(format!(
                "control.rtp_parameters: header extension id {} is 0 or used twice",
                extension.id
            )));
        }
        *slot = true;
        if let Some(kind) = ExtensionKind::from_uri(&extension.uri) {
            ids.set(kind, extension.id);
        }
    }
    Ok(ids)
}
