//! Fragments of descriptions that carry ICE alone (`application/trickle-ice-sdpfrag`, RFC 8840 §9).
use super::lines::Lines;
use super::parse::{TransportLines, parse_bundle};
use super::write::{Attributes, empty_media, empty_session, text};
use super::{Candidate, IceCredentials, Origin, SdpError, SectionKind};

/// Candidates that trickle in, or the credentials of an ICE restart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IceFragment {
    /// The sender is ICE-lite.
    pub ice_lite: bool,
    /// ICE options.
    pub ice_options: Vec<String>,
    /// MIDs of the BUNDLE group, if it is repeated.
    pub bundle: Option<Vec<String>>,
    /// Credentials that stand in front of the sections.
    pub ice: Option<IceCredentials>,
    /// No candidate will follow for any section.
    pub end_of_candidates: bool,
    /// The sections that something is said about.
    pub media: Vec<FragmentSection>,
}

/// One section of a fragment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FragmentSection {
    /// Kind, as the `m=` line says; it need not be the true one (RFC 8840 §9).
    pub kind: SectionKind,
    /// Protocol of the `m=` line.
    pub protocol: String,
    /// Formats of the `m=` line.
    pub formats: Vec<String>,
    /// The MID: which section is meant.
    pub mid: Option<String>,
    /// Credentials of this section; after reading, those of the fragment where it has none.
    pub ice: Option<IceCredentials>,
    /// Candidates; those that we cannot read are left out.
    pub candidates: Vec<Candidate>,
    /// No candidate will follow for this section.
    pub end_of_candidates: bool,
}

impl IceFragment {
    /// Reads a fragment, with the limits of a description.
    pub fn parse(text: &[u8]) -> Result<Self, SdpError> {
        let lines = Lines::parse_fragment(text)?;
        let mut fragment = IceFragment::default();
        let mut session = TransportLines::default();
        for line in lines.attributes() {
            if session.take(line)? {
                continue;
            }
            match line.name {
                "ice-lite" => fragment.ice_lite = true,
                "group" if fragment.bundle.is_none() => fragment.bundle = parse_bundle(line.value),
                "end-of-candidates" => fragment.end_of_candidates = true,
                _ => {}
            }
        }
        fragment.ice = session.ice();
        fragment.ice_options = session.ice_options.clone();
        for lines in lines.sections() {
            let mut section = FragmentSection {
                kind: SectionKind::from_name(&lines.media.media),
                protocol: lines.media.proto.clone(),
                formats: lines.media.fmt.split_ascii_whitespace().map(str::to_string).collect(),
                end_of_candidates: fragment.end_of_candidates,
                ..FragmentSection::default()
            };
            let mut transport = TransportLines::default();
            for line in lines.attributes() {
                if transport.take(line)? {
                    continue;
                }
                match line.name {
                    "mid" => {
                        section.mid = super::attribute::is_token(line.value).then(|| line.value.to_string())
                    }
                    "candidate" => section.candidates.extend(Candidate::parse(line.value)),
                    "end-of-candidates" => section.end_of_candidates = true,
                    _ => {}
                }
            }
            section.ice = transport.or(&session).ice();
            fragment.media.push(section);
        }
        Ok(fragment)
    }

    /// The credentials that the fragment speaks of: its own, else those of its first section that has some.
    pub fn credentials(&self) -> Option<&IceCredentials> {
        self.ice.as_ref().or_else(|| self.media.iter().find_map(|section| section.ice.as_ref()))
    }
}

impl std::fmt::Display for IceFragment {
    /// Writes the fragment, always in the same order, lines ended by CR LF.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut session = empty_session(&Origin::default());
        let mut attributes = Attributes::default();
        attributes.flag("ice-lite", self.ice_lite);
        attributes.option("group", self.bundle.as_ref().map(|mids| format!("BUNDLE {}", mids.join(" "))));
        attributes.ice(&self.ice, &self.ice_options);
        attributes.flag("end-of-candidates", self.end_of_candidates);
        session.attributes = attributes.into_inner();
        for section in &self.media {
            let mut media = empty_media(&section.kind, 9, &section.protocol, &section.formats);
            let mut attributes = Attributes::default();
            attributes.option("mid", section.mid.as_ref());
            attributes.ice(&section.ice, &[]);
            section.candidates.iter().for_each(|candidate| attributes.value("candidate", candidate));
            attributes.flag("end-of-candidates", section.end_of_candidates);
            media.attributes = attributes.into_inner();
            session.medias.push(media);
        }
        // A fragment has none of the lines in front of the attributes.
        let whole = text(&session);
        whole
            .split_inclusive('\n')
            .filter(|line| line.starts_with("a=") || line.starts_with("m="))
            .try_for_each(|line| f.write_str(line))
    }
}
