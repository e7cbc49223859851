//! Writing a description.
use sdp_types::{AddrType, Attribute, Bandwidth, Connection, Media, NetType, Origin, Session};

use super::{
    Direction, ExtMap, IceCredentials, MediaDescription, SectionKind, SessionDescription, Setup,
    SsrcDescription,
};
use crate::control::{DtlsFingerprint, RtpCodecParameters};

/// Attributes being collected. `sdp-types` takes care that none of them can begin another line.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<Attribute>);

impl Attributes {
    /// `a=name`, if it is said.
    pub fn flag(&mut self, name: &str, said: bool) {
        if said {
            self.0.push(Attribute { attribute: name.into(), value: None });
        }
    }
    /// `a=name:value`.
    pub fn value(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push(Attribute { attribute: name.into(), value: Some(value.to_string()) });
    }
    /// `a=name:value`, if there is one.
    pub fn option(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }
    /// ICE credentials and options.
    pub fn ice(&mut self, ice: &Option<IceCredentials>, options: &[String]) {
        if let Some(ice) = ice {
            self.value("ice-ufrag", &ice.username_fragment);
            self.value("ice-pwd", &ice.password);
        }
        if !options.is_empty() {
            self.value("ice-options", options.join(" "));
        }
    }
    fn dtls(&mut self, fingerprints: &[DtlsFingerprint], setup: Option<Setup>) {
        for fingerprint in fingerprints {
            self.value("fingerprint", format_args!("{} {}", fingerprint.algorithm.name(), fingerprint.value));
        }
        self.option("setup", setup.map(Setup::name));
    }
    fn codec(&mut self, codec: &RtpCodecParameters) {
        let RtpCodecParameters { payload_type: pt, clock_rate, channels, .. } = codec;
        let name = codec.mime_type.split_once('/').map_or(codec.mime_type.as_str(), |(_, name)| name);
        match channels {
            Some(channels) => self.value("rtpmap", format_args!("{pt} {name}/{clock_rate}/{channels}")),
            None => self.value("rtpmap", format_args!("{pt} {name}/{clock_rate}")),
        }
        for feedback in &codec.rtcp_feedback {
            let text = format!("{pt} {} {}", feedback.kind, feedback.parameter);
            self.value("rtcp-fb", text.trim_ascii_end());
        }
        if !codec.parameters.is_empty() {
            let mut text = String::new();
            for (name, value) in &codec.parameters {
                text.push_str(if text.is_empty() { "" } else { ";" });
                text.push_str(name);
                if !value.is_empty() {
                    text.push('=');
                    text.push_str(value);
                }
            }
            self.value("fmtp", format_args!("{pt} {text}"));
        }
    }
    /// The lines, in the order added.
    pub fn into_inner(self) -> Vec<Attribute> {
        self.0
    }
}

/// A session without attributes and sections.
pub(super) fn empty_session(origin: &super::Origin) -> Session {
    let mut session = Session::new(
        Origin::new(&origin.session_id, origin.session_version, NetType::In, AddrType::Ip4, "127.0.0.1"),
        "-",
    );
    session.times.push(sdp_types::Time { start_time: 0, stop_time: 0, repeats: Vec::new() });
    session
}

/// An `m=` line with nothing behind it.
pub(super) fn empty_media(kind: &SectionKind, port: u16, protocol: &str, formats: &[String]) -> Media {
    Media {
        media: kind.name().into(),
        port,
        num_ports: None,
        proto: protocol.into(),
        fmt: formats.join(" "),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

/// The text of a session.
pub(super) fn text(session: &Session) -> String {
    let mut bytes = Vec::with_capacity(2048);
    // Writing to memory cannot fail.
    let _ = session.write(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn write(description: &SessionDescription) -> String {
    let mut session = empty_session(&description.origin);
    let mut attributes = Attributes::default();
    attributes.flag("ice-lite", description.ice_lite);
    attributes.option("group", description.bundle.as_ref().map(|mids| format!("BUNDLE {}", mids.join(" "))));
    attributes.flag("extmap-allow-mixed", description.extmap_allow_mixed);
    attributes.option("msid-semantic", description.msid_semantic.as_ref());
    attributes.ice(&description.ice, &description.ice_options);
    attributes.dtls(&description.fingerprints, description.setup);
    session.attributes = attributes.into_inner();
    session.medias = description.media.iter().map(|media| write_section(media, description)).collect();
    text(&session)
}

fn write_section(media: &MediaDescription, session: &SessionDescription) -> Media {
    let mut section = empty_media(&media.kind, media.port, &media.protocol, &media.formats);
    section.connections.push(Connection::new(NetType::In, AddrType::Ip4, "0.0.0.0"));
    if let Some(bitrate) = media.bitrate {
        section.bandwidths.push(Bandwidth { bwtype: "TIAS".into(), bandwidth: bitrate });
    }
    let mut attributes = Attributes::default();
    attributes.option("mid", media.mid.as_ref());
    let says_direction = media.kind != SectionKind::Application || media.direction != Direction::Sendrecv;
    attributes.flag(media.direction.name(), says_direction);
    attributes.ice(&media.ice, &media.ice_options);
    attributes.dtls(&media.fingerprints, media.setup);
    attributes.flag("bundle-only", media.bundle_only);
    attributes.flag("rtcp-mux", media.rtcp_mux);
    attributes.flag("rtcp-rsize", media.rtcp_rsize);
    // The session has said it for all of its sections.
    attributes.flag("extmap-allow-mixed", media.extmap_allow_mixed && !session.extmap_allow_mixed);
    attributes.option("msid", media.msid.as_ref());
    for ExtMap { id, direction, uri } in &media.header_extensions {
        match direction {
            Some(direction) => attributes.value("extmap", format_args!("{id}/{} {uri}", direction.name())),
            None => attributes.value("extmap", format_args!("{id} {uri}")),
        }
    }
    media.codecs.iter().for_each(|codec| attributes.codec(codec));
    media.rids.iter().for_each(|rid| attributes.value("rid", rid));
    attributes.option("simulcast", (!media.simulcast.is_empty()).then_some(&media.simulcast));
    for group in &media.ssrc_groups {
        let ssrcs: String = group.ssrcs.iter().map(|ssrc| format!(" {ssrc}")).collect();
        attributes.value("ssrc-group", format_args!("{}{ssrcs}", group.semantics));
    }
    for SsrcDescription { ssrc, cname, msid } in &media.ssrcs {
        attributes.option("ssrc", cname.as_ref().map(|cname| format!("{ssrc} cname:{cname}")));
        attributes.option("ssrc", msid.as_ref().map(|msid| format!("{ssrc} msid:{msid}")));
        if cname.is_none() && msid.is_none() {
            attributes.value("ssrc", ssrc);
        }
    }
    attributes.option("sctp-port", media.sctp_port);
    attributes.option("max-message-size", media.max_message_size);
    media.candidates.iter().for_each(|candidate| attributes.value("candidate", candidate));
    attributes.flag("end-of-candidates", media.end_of_candidates);
    section.attributes = attributes.into_inner();
    section
}
