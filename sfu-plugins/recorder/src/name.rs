//! File names: templates, and what keeps every name inside the folder.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest template in bytes.
const MAX_TEMPLATE: usize = 256;
/// Longest value put into a name, in bytes.
const MAX_VALUE: usize = 80;
/// Longest name without its ending, in bytes: with a number and the ending it stays below the 255 of file systems.
const MAX_STEM: usize = 200;
/// Ending of files with RTP packets.
pub(crate) const MJR: &str = ".mjr";
/// Ending of packet captures.
pub(crate) const PCAPNG: &str = ".pcapng";
/// Endings of recordings.
pub(crate) const ENDINGS: [&str; 5] = [MJR, ".webm", ".mkv", ".opus", PCAPNG];

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Longer than 256 bytes.
    #[error("the file name template is too long, {MAX_TEMPLATE} bytes are the most")]
    TooLong,
    /// A separator or control character: recordings lie in one folder, without subfolders.
    #[error("the file name template holds {0:?}; name a file, not a path")]
    Separator(char),
    /// Braces that don't pair.
    #[error("the file name template has a brace without its partner")]
    Brace,
    /// Something unknown in braces.
    #[error(
        "the file name template asks for {{{0}}}; there are {{stream}}, {{kind}}, {{codec}}, {{started}}, {{encoding}}, \
         {{producer}}, {{participant}}, {{transport}}, {{session}}, {{router}} and {{label:NAME}}"
    )]
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Stream,
    Kind,
    Codec,
    Started,
    Encoding,
    Producer,
    Participant,
    Transport,
    Session,
    Router,
    Label(String),
}

/// A parsed template such as `{stream}-{kind}-{started}-{encoding}.mjr`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// What the name of one file is made from.
#[derive(Clone, Copy)]
pub struct NameParts<'a> {
    /// `audio` or `video`.
    pub kind: &'a str,
    /// Codec as in the file, `vp8`.
    pub codec: &'a str,
    /// When the recording began.
    pub started: SystemTime,
    /// Index of the encoding.
    pub encoding: u8,
    /// Ids, as text.
    pub producer: &'a str,
    /// Who sends it.
    pub participant: &'a str,
    /// Id of its transport.
    pub transport: &'a str,
    /// Id of its session, or empty.
    pub session: &'a str,
    /// Id of its router.
    pub router: &'a str,
    /// Looks a label up.
    pub label: &'a dyn Fn(&str) -> Option<String>,
}

impl Template {
    /// Reads a template. An ending of recordings may be left out; which one a file gets, its format says.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        if text.len() > MAX_TEMPLATE {
            return Err(TemplateError::TooLong);
        }
        if let Some(bad) = text.chars().find(|c| matches!(c, '/' | '\\') || c.is_control()) {
            return Err(TemplateError::Separator(bad));
        }
        let mut parts = Vec::new();
        let mut rest = ENDINGS.iter().find_map(|ending| text.strip_suffix(ending)).unwrap_or(text);
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(match inside {
                "stream" => Part::Stream,
                "kind" => Part::Kind,
                "codec" => Part::Codec,
                "started" => Part::Started,
                "encoding" => Part::Encoding,
                "producer" => Part::Producer,
                "participant" => Part::Participant,
                "transport" => Part::Transport,
                "session" => Part::Session,
                "router" => Part::Router,
                other => match other.strip_prefix("label:").filter(|name| !name.is_empty()) {
                    Some(name) => Part::Label(name.to_owned()),
                    None => return Err(TemplateError::Unknown(other.chars().take(40).collect())),
                },
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let stray = |part: &Part| matches!(part, Part::Text(text) if text.contains(['{', '}']));
        if parts.iter().any(stray) {
            return Err(TemplateError::Brace);
        }
        Ok(Template(parts))
    }

    /// The name without its ending. Whatever the labels say, it is one plain file name, of 200 bytes at the most.
    pub fn stem(&self, from: &NameParts<'_>) -> String {
        let mut stem = String::new();
        for part in &self.0 {
            let value = match part {
                Part::Text(text) => {
                    stem.push_str(text);
                    continue;
                }
                // Without the label, the id tells streams apart.
                Part::Stream => (from.label)("stream").unwrap_or_else(|| from.producer.to_owned()),
                Part::Kind => from.kind.to_owned(),
                Part::Codec => from.codec.to_owned(),
                Part::Started => utc(from.started),
                Part::Encoding => from.encoding.to_string(),
                Part::Producer => from.producer.to_owned(),
                Part::Participant => from.participant.to_owned(),
                Part::Transport => from.transport.to_owned(),
                Part::Session => from.session.to_owned(),
                Part::Router => from.router.to_owned(),
                Part::Label(name) => (from.label)(name).unwrap_or_default(),
            };
            let value = if value.is_empty() { "none".to_owned() } else { value };
            stem.push_str(&sanitised(&value, MAX_VALUE));
        }
        // Again as a whole: dots may have met, and the text of the template counts too.
        sanitised(&stem, MAX_STEM)
    }
}

/// A text of letters, digits, `-`, `_` and single dots; everything else becomes `_`. It begins with none of `.` and `-`,
/// doesn't end with `.`, is never empty, and has `max` bytes at the most.
pub(crate) fn sanitised(text: &str, max: usize) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        let c = match c {
            '.' if clean.is_empty() || clean.ends_with('.') => '_',
            // Tools would take it for an option.
            '-' if clean.is_empty() => '_',
            '.' | '-' | '_' => c,
            c if c.is_alphanumeric() => c,
            _ => '_',
        };
        if clean.len() + c.len_utf8() > max {
            break;
        }
        clean.push(c);
    }
    // Before the ending, a dot would make two.
    if clean.ends_with('.') {
        clean.pop();
    }
    if clean.is_empty() {
        clean.push('_');
    }
    clean
}

/// A moment as `20260131T235959Z`.
fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years from March to February, so that the day that is sometimes missing is the last one of its year. Day 0 of
    // the count is the 1st of March of the year 0, in cycles of 400 years.
    let day = days + 719_468;
    let (cycle, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + cycle * 400 + carry;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{day_of_month:02}T{hour:02}{minute:02}{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DEFAULT_FILE;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    fn stem(template: &str, label: &str) -> String {
        let label = |name: &str| (name != "missing").then(|| label.to_owned());
        Template::parse(template).unwrap().stem(&NameParts {
            kind: "video",
            codec: "vp8",
            started: UNIX_EPOCH + Duration::from_secs(1_769_903_999),
            encoding: 2,
            producer: "0.17.1",
            participant: "alice",
            transport: "0.3.0",
            session: "",
            router: "0.1.0",
            label: &label,
        })
    }

    #[test]
    fn a_name_tells_what_is_in_the_file() {
        assert_eq!(stem(DEFAULT_FILE, "cam"), "cam-video-20260131T235959Z-2");
        assert_eq!(stem("{label:room}_{producer}.{codec}", "blue"), "blue_0.17.1.vp8");
        assert_eq!(stem("{participant}.webm", ""), "alice");
        assert_eq!(stem("{label:missing}-{session}-{router}-{transport}", ""), "none-none-0.1.0-0.3.0");
        assert_eq!(stem("{stream}", "Ünïcode 名前"), "Ünïcode_名前");
        assert_eq!(stem("", ""), "_");
    }

    #[test]
    fn hostile_labels_stay_in_the_folder() {
        assert_eq!(stem("{stream}", "../../etc/passwd"), "_._.__etc_passwd");
        assert_eq!(stem("{stream}", "/etc/passwd"), "_etc_passwd");
        assert_eq!(stem("{stream}", "a\0b\n\u{202e}c"), "a_b__c");
        assert_eq!(stem("{stream}", "-rf"), "_rf");
        assert_eq!(stem("{stream}.", "a."), "a");
        assert_eq!(stem(".{stream}.{stream}", "."), "__._");
        assert_eq!(stem("{stream}", &"x".repeat(256)).len(), MAX_VALUE);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        use TemplateError::*;
        let error = |text: &str| Template::parse(text).unwrap_err();
        assert_eq!(error("a/b"), Separator('/'));
        assert_eq!(error("a\\b"), Separator('\\'));
        assert_eq!(error("a\0"), Separator('\0'));
        assert_eq!(error("{stream"), Brace);
        assert_eq!(error("stream}"), Brace);
        assert_eq!(error("{{stream}}"), Unknown("{stream".into()));
        assert_eq!(error("{label:}"), Unknown("label:".into()));
        assert_eq!(error(&"x".repeat(257)), TooLong);
    }

    #[test]
    fn leap_years_are_kept() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101T000000Z");
        assert_eq!(at(951_782_400), "20000229T000000Z");
        assert_eq!(at(1_709_251_199), "20240229T235959Z");
        assert_eq!(at(4_107_542_400), "21000301T000000Z");
    }

    proptest! {
        #[test]
        fn every_name_is_one_plain_file_name(template in ".{0,60}", label in ".{0,256}") {
            let template = template.replace(['/', '\\'], "{stream}");
            let Ok(template) = Template::parse(&template) else { return Ok(()) };
            let look = |_: &str| Some(label.clone());
            let stem = template.stem(&NameParts {
                kind: &label, codec: &label, started: UNIX_EPOCH, encoding: 255, producer: &label, participant: &label,
                transport: &label, session: &label, router: &label, label: &look,
            });
            let name = format!("{stem}{MJR}");
            let components: Vec<_> = Path::new(&name).components().collect();
            prop_assert!(matches!(components[..], [Component::Normal(only)] if only == name.as_str()));
            prop_assert!(name.len() <= MAX_STEM + MJR.len());
            prop_assert!(!name.starts_with(['.', '-']) && !name.contains(".."), "{}", name);
            prop_assert!(!name.chars().any(|c| c.is_control() || c.is_whitespace()));
        }
    }
}
