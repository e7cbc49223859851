//! Text to lines: limits, and which line an attribute stands on.
use sdp_types::{Attribute, Media, ParserError, Session};

use super::SdpError;

/// Bytes of the longest description that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// Lines that are read at the most.
pub const MAX_LINES: usize = 4096;
/// Sections (`m=` lines) that are read at the most.
pub const MAX_SECTIONS: usize = 128;

/// One attribute line.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttributeLine<'a> {
    /// Counted from 1.
    pub line: usize,
    /// In front of the colon.
    pub name: &'a str,
    /// Behind the colon, without white space around it; empty for a flag.
    pub value: &'a str,
}

/// A description split into lines, each attribute with its place.
#[derive(Debug)]
pub(super) struct Lines {
    session: Session,
    session_lines: Vec<usize>,
    /// For each section: the line of `m=` and those of its attributes.
    section_lines: Vec<(usize, Vec<usize>)>,
}

impl Lines {
    /// Splits a whole description.
    pub fn parse(text: &[u8]) -> Result<Lines, SdpError> {
        check_length(text)?;
        Lines::split(text, 0)
    }

    /// Splits a fragment (RFC 8840), which has no `v=` line.
    pub fn parse_fragment(text: &[u8]) -> Result<Lines, SdpError> {
        check_length(text)?;
        let mut whole = Vec::with_capacity(text.len() + 5);
        whole.extend_from_slice(b"v=0\r\n");
        whole.extend_from_slice(text);
        Lines::split(&whole, 1)
    }

    /// `added`: lines in front that the sender did not write.
    fn split(text: &[u8], added: usize) -> Result<Lines, SdpError> {
        let (session_lines, section_lines) = places(text, added)?;
        let session = Session::parse(text).map_err(|error| syntax(error, added))?;
        Ok(Lines { session, session_lines, section_lines })
    }

    /// What stands in front of the first section.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Attributes of the session as a whole.
    pub fn attributes(&self) -> impl Iterator<Item = AttributeLine<'_>> {
        with_lines(&self.session.attributes, &self.session_lines)
    }

    /// Sections, each with the line of its `m=`.
    pub fn sections(&self) -> impl Iterator<Item = SectionLines<'_>> {
        self.session.medias.iter().zip(&self.section_lines).map(|(media, (line, lines))| SectionLines {
            media,
            line: *line,
            lines,
        })
    }
}

/// One section of [`Lines`].
#[derive(Debug, Clone, Copy)]
pub(super) struct SectionLines<'a> {
    /// The section.
    pub media: &'a Media,
    /// Where its `m=` is.
    pub line: usize,
    lines: &'a [usize],
}

impl<'a> SectionLines<'a> {
    /// Its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = AttributeLine<'a>> + use<'a> {
        with_lines(&self.media.attributes, self.lines)
    }
}

fn with_lines<'a>(
    attributes: &'a [Attribute],
    lines: &'a [usize],
) -> impl Iterator<Item = AttributeLine<'a>> + use<'a> {
    attributes.iter().enumerate().map(|(i, a)| AttributeLine {
        line: lines.get(i).copied().unwrap_or(0),
        name: a.attribute.trim_ascii(),
        value: a.value.as_deref().unwrap_or("").trim_ascii(),
    })
}

fn check_length(text: &[u8]) -> Result<(), SdpError> {
    if text.len() > MAX_BYTES {
        return Err(SdpError::TooLong { bytes: text.len(), limit: MAX_BYTES });
    }
    Ok(())
}

/// Attribute lines of the session, and for each section its own line and those of its attributes.
type Places = (Vec<usize>, Vec<(usize, Vec<usize>)>);

/// `sdp-types` keeps the order of attributes but not their lines: they are counted here, before it allocates anything.
fn places(text: &[u8], added: usize) -> Result<Places, SdpError> {
    let (mut session, mut sections) = (Vec::new(), Vec::<(usize, Vec<usize>)>::new());
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = (index + 1).saturating_sub(added);
        if number > MAX_LINES {
            return Err(SdpError::TooMany { line: number, what: "lines", limit: MAX_LINES });
        }
        match (line.get(..2), sections.last_mut()) {
            (Some(b"m="), _) => {
                if sections.len() == MAX_SECTIONS {
                    return Err(SdpError::TooMany { line: number, what: "sections", limit: MAX_SECTIONS });
                }
                sections.push((number, Vec::new()));
            }
            (Some(b"a="), Some((_, lines))) => lines.push(number),
            (Some(b"a="), None) => session.push(number),
            _ => {}
        }
    }
    Ok((session, sections))
}

/// Our form of an error of the line parser. Its texts may quote the client's, which does not belong in ours.
fn syntax(error: ParserError, added: usize) -> SdpError {
    use ParserError::*;
    let (line, reason) = match error {
        InvalidLineFormat(line, what) => (line, what.to_string()),
        InvalidFieldEncoding(line, field) => (line, format!("{field} is not UTF-8")),
        InvalidFieldFormat(line, field) => (line, format!("{field} has a wrong format")),
        MissingField(line, field) => (line, format!("{field} is missing")),
        FieldTrailingData(line, field) => (line, format!("there is something behind {field}")),
        InvalidVersion(line, _) => (line, "the version is not 0".to_string()),
        NoVersion => (added + 1, "a description begins with v=0".to_string()),
        MultipleVersions(line)
        | MultipleOrigins(line)
        | MultipleSessionNames(line)
        | MultipleSessionDescription(line)
        | MultipleUris(line)
        | MultipleConnections(line)
        | MultipleTimeZones(line)
        | MultipleMediaTitles(line)
        | MultipleKeys(line) => (line, "this line may stand only once".to_string()),
        RepeatWithoutTime(line) => (line, "r= stands without a t= in front".to_string()),
        other => (0, other.to_string()),
    };
    SdpError::Syntax { line: line.saturating_sub(added), reason }
}
