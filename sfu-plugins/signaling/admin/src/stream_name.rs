//! The name of a stream, as in its label.
use std::fmt;
use std::str::FromStr;

/// A checked name: segments of `[A-Za-z0-9._~-]` with `/` between them, at most 128 bytes, as in WHIP and WHEP URLs.
///
/// In a path of this API the `/` is written `%2F`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamName(String);

impl StreamName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StreamName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<StreamName, &'static str> {
        let good_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let good = |segment: &str| segment.bytes().all(good_byte) && segment.bytes().any(|byte| byte != b'.');
        if text.len() <= 128 && text.split('/').all(good) {
            return Ok(StreamName(text.into()));
        }
        Err(
            "api.stream: a name has at most 128 bytes, in segments of letters, digits and `._~-` that are not dots \
             alone; `/` between segments is written %2F here",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_the_same_as_in_whip_urls() {
        for good in ["a", "room/cam", "A-Z_0.9~x", ".hidden", &"x".repeat(128)] {
            assert_eq!(good.parse::<StreamName>().unwrap().as_str(), good);
        }
        for bad in
            ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a b", "é", "a\\b", "a\r\nb", &"x".repeat(129)]
        {
            assert!(bad.parse::<StreamName>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_kept(text in "\\PC{0,140}") {
            if let Ok(name) = text.parse::<StreamName>() {
                prop_assert_eq!(name.as_str(), text);
            }
        }
    }
}
