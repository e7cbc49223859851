//! Log lines as the library expects them: a letter, then the text. The library prints them by their letter.
use std::fmt::Display;
use std::ops::BitOr;

/// Longer lines are cut; bytes.
const MAX_LINE: usize = 50_000;

/// What is logged at all.
#[allow(missing_docs)] // Named as the library names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    None,
    #[default]
    Error,
    Warn,
    Debug,
}

/// No log level is called so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid value '{0}' for logLevel, which is one of debug, warn, error, none")]
pub struct WrongLogLevel(pub String);

impl LogLevel {
    /// As in arguments and settings; upper and lower case are the same.
    pub fn parse(name: &str) -> Result<Self, WrongLogLevel> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "debug" => Self::Debug,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "none" => Self::None,
            _ => return Err(WrongLogLevel(name.into())),
        })
    }
}

/// What a line is about.
#[allow(missing_docs)] // Named as the library names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LogTag {
    Info,
    Ice,
    Dtls,
    Rtp,
    Srtp,
    Rtcp,
    Rtx,
    Bwe,
    Score,
    Simulcast,
    Svc,
    Sctp,
    Message,
}

impl LogTag {
    const NAMES: [(&str, Self); 13] = [
        ("info", Self::Info),
        ("ice", Self::Ice),
        ("dtls", Self::Dtls),
        ("rtp", Self::Rtp),
        ("srtp", Self::Srtp),
        ("rtcp", Self::Rtcp),
        ("rtx", Self::Rtx),
        ("bwe", Self::Bwe),
        ("score", Self::Score),
        ("simulcast", Self::Simulcast),
        ("svc", Self::Svc),
        ("sctp", Self::Sctp),
        ("message", Self::Message),
    ];
}

/// A set of tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogTags(u16);

impl LogTags {
    /// The tags with these names. Others are ignored, as the library's own worker does.
    pub fn parse<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let tag = |name: T| LogTag::NAMES.iter().find(|known| known.0 == name.as_ref()).map(|known| known.1);
        names.into_iter().filter_map(tag).fold(Self::default(), |tags, tag| tags | tag.into())
    }

    /// The names of the tags in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let known = LogTag::NAMES.into_iter();
        known.filter(move |(_, tag)| self.0 & Self::from(*tag).0 != 0).map(|(name, _)| name)
    }
}

impl From<LogTag> for LogTags {
    fn from(tag: LogTag) -> Self {
        Self(1 << tag as u16)
    }
}

impl BitOr for LogTags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How much a line matters, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Written if any of the tags is on.
    Debug(LogTags),
    /// Written if any of the tags is on.
    Warn(LogTags),
    /// Needs no tag.
    Error,
    /// Asked for: always written.
    Dump,
}

/// Which lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// What matters less is not written.
    pub level: LogLevel,
    /// What debug lines and warnings are about.
    pub tags: LogTags,
}

impl LogFilter {
    /// In one number, as [`Self::from_bits`] reads it.
    pub(crate) fn bits(self) -> u32 {
        u32::from(self.tags.0) | (self.level as u32) << 16
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        let level = match bits >> 16 {
            0 => LogLevel::None,
            1 => LogLevel::Error,
            2 => LogLevel::Warn,
            _ => LogLevel::Debug,
        };
        Self { level, tags: LogTags(bits as u16) }
    }

    /// Whether a line is written.
    pub fn allows(self, severity: Severity) -> bool {
        match severity {
            Severity::Debug(tags) => self.level >= LogLevel::Debug && self.tags.0 & tags.0 != 0,
            Severity::Warn(tags) => self.level >= LogLevel::Warn && self.tags.0 & tags.0 != 0,
            Severity::Error => self.level >= LogLevel::Error,
            Severity::Dump => true,
        }
    }

    /// The line as it goes to the library, or `None` if it is not written.
    pub fn line(self, severity: Severity, text: impl Display) -> Option<String> {
        let letter = match severity {
            Severity::Debug(_) => 'D',
            Severity::Warn(_) => 'W',
            Severity::Error => 'E',
            Severity::Dump => 'X',
        };
        self.allows(severity).then(|| {
            let mut line = format!("{letter}{text}");
            line.truncate(line.floor_char_boundary(MAX_LINE));
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(level: &str, tags: &[&str]) -> LogFilter {
        LogFilter { level: LogLevel::parse(level).unwrap(), tags: LogTags::parse(tags) }
    }

    #[test]
    fn debug_and_warn_need_level_and_tag_an_error_the_level_alone_a_dump_nothing() {
        let ice: LogTags = LogTag::Ice.into();
        let lines = [Severity::Debug(ice), Severity::Warn(ice), Severity::Error, Severity::Dump];
        let written = |filter: LogFilter| {
            lines.iter().filter_map(|line| filter.line(*line, "Ice | text")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(written(filter("debug", &["ice"])), "DIce | text WIce | text EIce | text XIce | text");
        assert_eq!(written(filter("warn", &["dtls", "ice"])), "WIce | text EIce | text XIce | text");
        assert_eq!(written(filter("debug", &["dtls"])), "EIce | text XIce | text");
        assert_eq!(written(filter("error", &["ice"])), "EIce | text XIce | text");
        assert_eq!(written(filter("none", &["ice"])), "XIce | text");
    }

    #[test]
    fn a_line_about_two_things_is_written_if_either_is_on() {
        let both = Severity::Debug(LogTags::parse(["ice", "dtls"]));
        assert!(filter("debug", &["ice"]).allows(both) && filter("debug", &["dtls"]).allows(both));
        assert!(!filter("debug", &["rtp"]).allows(both));
    }

    #[test]
    fn levels_are_the_same_in_any_case_and_unknown_ones_are_refused() {
        assert_eq!(LogLevel::parse("DeBuG"), Ok(LogLevel::Debug));
        let error = LogLevel::parse("chicken").unwrap_err().to_string();
        assert!(error.starts_with("invalid value 'chicken' for logLevel"), "{error}");
        assert!(LogLevel::parse("").is_err());
    }

    #[test]
    fn each_tag_is_known_by_its_name_and_unknown_ones_are_ignored() {
        let all: Vec<&str> = LogTag::NAMES.iter().map(|known| known.0).collect();
        assert_eq!(LogTags::parse(&all).names().collect::<Vec<_>>(), all);
        assert_eq!(LogTags::parse(["nothing", "SVC", "svc"]).names().collect::<Vec<_>>(), ["svc"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = filter("error", &[]).line(Severity::Error, "ä".repeat(MAX_LINE)).unwrap();
        assert_eq!(line.len(), MAX_LINE - 1);
        assert!(line.ends_with('ä'));
    }
}
