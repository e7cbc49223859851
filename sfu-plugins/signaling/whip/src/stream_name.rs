//! The name of a stream: the path behind `/whip/` and `/whep/`.
use std::fmt;
use std::sync::Arc;

/// Bytes of a name at the most.
pub const MAX_LEN: usize = 128;

/// A checked stream name: one or more segments of `[A-Za-z0-9._~-]` with `/` between them, at most 128 bytes.
///
/// No segment is empty or made of dots alone, so a name never climbs out of a folder or a URL path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct StreamName(Arc<str>);

/// The text is no stream name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "whip.stream: a stream name has at most 128 bytes, in segments of letters, digits and `._~-` \
     that are not dots alone"
)]
pub struct BadStreamName;

impl StreamName {
    /// Checks a name, as it stands in the (percent-decoded) path.
    pub fn parse(text: &str) -> Result<Self, BadStreamName> {
        let good_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        let good_segment = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(good_byte) && segment.bytes().any(|b| b != b'.')
        };
        if text.len() <= MAX_LEN && text.split('/').all(good_segment) {
            Ok(StreamName(text.into()))
        } else {
            Err(BadStreamName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_with_several_segments_are_good() {
        for name in ["a", "room/cam", "a/b/c", "A-Z_0.9~x", ".hidden", "a..b", &"x".repeat(128)] {
            assert_eq!(StreamName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_climbs_or_is_empty_or_too_long_or_odd_is_refused() {
        for name in
            ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "...", "a b", "é", "a%2fb", "a\\b", "a\0"]
        {
            assert_eq!(StreamName::parse(name), Err(BadStreamName), "{name:?}");
        }
        assert!(StreamName::parse(&"x".repeat(129)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_kept_as_it_is(text in ".{0,140}") {
            if let Ok(name) = StreamName::parse(&text) {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert!(!text.split('/').any(|s| s == ".." || s == "." || s.is_empty()));
            }
        }
    }
}
