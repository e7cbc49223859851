//! The header field `Range` (RFC 9110 §14.2), as far as one range goes.

/// What of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: there is no range, or one that is none of ours to understand.
    Whole,
    /// From the first to the last byte, both in it.
    Some {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Nothing that the file has.
    None,
}

/// Reads a range for a file of `len` bytes. Several ranges at once are answered with the whole, as is nonsense.
pub(crate) fn of(range: &str, len: u64) -> Part {
    let Some(spec) = range.trim().strip_prefix("bytes=").map(str::trim) else { return Part::Whole };
    let Some((first, last)) = spec.split_once('-') else { return Part::Whole };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last), first.is_empty(), last.is_empty()) {
        (Some(first), Some(last), _, _) if first > last => Part::Whole,
        (Some(first), _, _, _) if first >= len && (last.is_empty() || number(last).is_some()) => Part::None,
        (Some(first), Some(last), _, _) => Part::Some { first, last: last.min(len - 1) },
        (Some(first), None, _, true) => Part::Some { first, last: len - 1 },
        (None, Some(0), true, _) => Part::None,
        (None, Some(_), true, _) if len == 0 => Part::None,
        (None, Some(count), true, _) => Part::Some { first: len.saturating_sub(count), last: len - 1 },
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_range_is_understood_and_everything_else_is_the_whole() {
        let part = |first, last| Part::Some { first, last };
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-5", part(2, 5)),
            ("bytes=2-99999999999999999999999", part(2, 9)),
            ("bytes=9-", part(9, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=10-", Part::None),
            ("bytes=10-20", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(of(range, 10), expected, "{range}");
        }
        assert_eq!((of("bytes=0-", 0), of("bytes=-1", 0)), (Part::None, Part::None));
    }

    proptest! {
        #[test]
        fn what_is_given_lies_in_the_file(range in "(bytes=)?[0-9,-]{0,12}", len in 0u64..2000) {
            if let Part::Some { first, last } = of(&range, len) {
                prop_assert!(first <= last && last < len);
            }
        }
    }
}
