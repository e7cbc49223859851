//! Reading a whole description.
use super::attribute::{is_token, parse_fingerprint};
use super::lines::{AttributeLine, Lines};
use super::parse_media::parse_section;
use super::{Direction, IceCredentials, MAX_SECTIONS, Origin, SdpError, SessionDescription, Setup};
use crate::control::DtlsFingerprint;

/// Values of a list that are read at the most where every section inherits the list: without a limit a short text would
/// become a big description.
const MAX_INHERITED: usize = 16;

/// What the sections of a description inherit from it.
#[derive(Debug, Clone, Default)]
pub(super) struct Inherited {
    pub transport: TransportLines,
    pub direction: Option<Direction>,
    pub extmap_allow_mixed: bool,
    pub end_of_candidates: bool,
}

/// Attributes of the transport, which may stand on either level.
#[derive(Debug, Clone, Default)]
pub(super) struct TransportLines {
    pub username_fragment: Option<String>,
    pub password: Option<String>,
    pub ice_options: Vec<String>,
    pub fingerprints: Vec<DtlsFingerprint>,
    pub setup: Option<Setup>,
}

impl TransportLines {
    /// Takes the attribute if it is one of the transport's; `false` if it is not.
    pub fn take(&mut self, line: AttributeLine<'_>) -> Result<bool, SdpError> {
        match line.name {
            "ice-ufrag" => {
                let expected = "4 to 256 visible characters";
                self.username_fragment = Some(ice_text(line, "ice-ufrag", 4, expected)?);
            }
            "ice-pwd" => {
                let expected = "22 to 256 visible characters";
                self.password = Some(ice_text(line, "ice-pwd", 22, expected)?);
            }
            "ice-options" => {
                // libdatachannel puts commas where RFC 8839 §5.6 has spaces.
                let words = line.value.split([' ', ',']).filter(|word| !word.is_empty());
                self.ice_options = words.take(MAX_INHERITED).map(str::to_string).collect();
            }
            "fingerprint" => {
                let expected = "a hash function and its bytes in hexadecimal with colons between";
                let fingerprint = parse_fingerprint(line.value).ok_or(line.wrong("fingerprint", expected))?;
                self.fingerprints.extend(fingerprint.filter(|_| self.fingerprints.len() < MAX_INHERITED));
            }
            "setup" => {
                let expected = "actpass, active, passive or holdconn";
                self.setup = Some(Setup::from_name(line.value).ok_or(line.wrong("setup", expected))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Both credentials; one alone is of no use.
    pub fn ice(&self) -> Option<IceCredentials> {
        let (username_fragment, password) = (self.username_fragment.clone()?, self.password.clone()?);
        Some(IceCredentials { username_fragment, password })
    }

    /// The section's own, else the session's.
    pub fn or(mut self, session: &TransportLines) -> TransportLines {
        // A pair belongs together: half of one level and half of the other is only taken where no level has both.
        if self.ice().is_none() {
            self.username_fragment = self.username_fragment.or_else(|| session.username_fragment.clone());
            self.password = self.password.or_else(|| session.password.clone());
        }
        if self.ice_options.is_empty() {
            self.ice_options = session.ice_options.clone();
        }
        if self.fingerprints.is_empty() {
            self.fingerprints = session.fingerprints.clone();
        }
        self.setup = self.setup.or(session.setup);
        self
    }
}

fn ice_text(
    line: AttributeLine<'_>,
    name: &'static str,
    least: usize,
    expected: &'static str,
) -> Result<String, SdpError> {
    let fits = (least..=256).contains(&line.value.len()) && is_token(line.value);
    if fits { Ok(line.value.to_string()) } else { Err(line.wrong(name, expected)) }
}

impl AttributeLine<'_> {
    /// The error that its value is wrong.
    pub fn wrong(&self, attribute: &'static str, expected: &'static str) -> SdpError {
        SdpError::Attribute { line: self.line, attribute, expected }
    }
}

/// Mids of a BUNDLE group; `None` for groups of other semantics.
pub(super) fn parse_bundle(value: &str) -> Option<Vec<String>> {
    let mut words = value.split_ascii_whitespace();
    (words.next()? == "BUNDLE").then(|| words.take(MAX_SECTIONS).map(str::to_string).collect())
}

pub(super) fn parse(text: &[u8]) -> Result<SessionDescription, SdpError> {
    let lines = Lines::parse(text)?;
    let mut inherited = Inherited::default();
    let origin = &lines.session().origin;
    let mut description = SessionDescription {
        origin: Origin { session_id: origin.sess_id.clone(), session_version: origin.sess_version },
        ..SessionDescription::default()
    };
    for line in lines.attributes() {
        if inherited.transport.take(line)? {
            continue;
        }
        match line.name {
            "ice-lite" => description.ice_lite = true,
            "group" if description.bundle.is_none() => description.bundle = parse_bundle(line.value),
            "extmap-allow-mixed" => description.extmap_allow_mixed = true,
            "msid-semantic" => description.msid_semantic = super::attribute::parse_msid(line.value),
            "end-of-candidates" => inherited.end_of_candidates = true,
            name => inherited.direction = Direction::from_name(name).or(inherited.direction),
        }
    }
    inherited.extmap_allow_mixed = description.extmap_allow_mixed;
    description.ice = inherited.transport.ice();
    description.ice_options = inherited.transport.ice_options.clone();
    description.fingerprints = inherited.transport.fingerprints.clone();
    description.setup = inherited.transport.setup;
    for section in lines.sections() {
        let media = parse_section(section, &inherited)?;
        if let Some(mid) = &media.mid
            && description.section(mid).is_some()
        {
            return Err(SdpError::Attribute {
                line: section.line,
                attribute: "mid",
                expected: "another one than that of an earlier section",
            });
        }
        description.media.push(media);
    }
    Ok(description)
}
