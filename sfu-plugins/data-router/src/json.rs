//! Reading JSON (RFC 8259) where it lies: strictly, without recursion and without allocation.
use std::ops::Range;

use crate::label::MOST_BYTES;
use crate::message::Malformed;

/// Arrays and objects inside each other at the most: the bits of a number.
const MOST_DEPTH: u32 = 64;

const OBJECT: u64 = 1;
const ARRAY: u64 = 0;

/// A string in a message, between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    is_escaped: bool,
}

impl<'a> Text<'a> {
    /// A string without escapes.
    pub(crate) fn plain(raw: &'a str) -> Self {
        Text { raw, is_escaped: false }
    }

    /// As it stands between the quotes.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    /// What it says, with escapes put into `scratch`; none if it is longer than 255 bytes, or no Unicode.
    #[inline]
    pub(crate) fn read<'s>(&self, scratch: &'s mut String) -> Option<&'s str>
    where
        'a: 's,
    {
        if !self.is_escaped {
            return (self.raw.len() <= MOST_BYTES).then_some(self.raw);
        }
        scratch.clear();
        let mut chars = self.raw.chars();
        while let Some(char) = chars.next() {
            let said = if char == '\\' { unescape(&mut chars)? } else { char };
            if scratch.len() + said.len_utf8() > MOST_BYTES {
                return None;
            }
            scratch.push(said);
        }
        Some(scratch)
    }
}

/// What follows a backslash.
fn unescape(chars: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = unit(chars)?;
            // Half of a pair of UTF-16 needs the other half.
            if !(0xd800..0xdc00).contains(&first) {
                return char::from_u32(first);
            }
            let second = (chars.next()? == '\\' && chars.next()? == 'u').then(|| unit(chars)).flatten()?;
            let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            return char::from_u32(0x10000 + ((first - 0xd800) << 10) + low);
        }
        same => same,
    })
}

/// Four hexadecimal digits.
fn unit(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit * 16 + chars.next()?.to_digit(16)?;
    }
    Some(unit)
}

/// A place in a text of JSON.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the beginning of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What lies between two places.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// What lies before.
    pub(crate) fn rest(&self) -> &'a str {
        self.slice(self.at..self.text.len())
    }

    /// How many bytes were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Whether everything was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Skips white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this byte, if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), Malformed> {
        if self.take(byte) { Ok(()) } else { Err(Malformed::new(otherwise)) }
    }

    /// A string.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Malformed> {
        self.expect(b'"', "a string is expected")?;
        let start = self.at;
        let mut is_escaped = false;
        loop {
            match self.peek() {
                None => return Err(Malformed::new("a string has no end")),
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..0x20) => return Err(Malformed::new("a string has a control character")),
                Some(_) => self.at += 1,
            }
        }
        let raw = self.slice(start..self.at);
        self.at += 1;
        Ok(Text { raw, is_escaped })
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), Malformed> {
        const NONE: Malformed = Malformed::new("a string has an escape that is none");
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).ok_or(NONE)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(NONE);
                }
                self.at += 5;
            }
            _ => return Err(NONE),
        }
        Ok(())
    }

    /// The name of a member of an object, and its colon.
    pub(crate) fn member(&mut self) -> Result<Text<'a>, Malformed> {
        let name = self.string()?;
        self.space();
        self.expect(b':', "a colon is expected")?;
        self.space();
        Ok(name)
    }

    /// Any value: where it lies.
    pub(crate) fn value(&mut self) -> Result<Range<usize>, Malformed> {
        self.space();
        let start = self.at;
        // A bit for each array or object around, the innermost lowest.
        let (mut around, mut depth) = (0_u64, 0_u32);
        loop {
            let opened = match self.peek() {
                Some(b'"') => self.string().map(|_| None)?,
                Some(b'{') => Some((OBJECT, b'}')),
                Some(b'[') => Some((ARRAY, b']')),
                Some(b'-' | b'0'..=b'9') => self.number().map(|()| None)?,
                _ => self.literal().map(|()| None)?,
            };
            if let Some((kind, close)) = opened {
                self.at += 1;
                self.space();
                if !self.take(close) {
                    if depth == MOST_DEPTH {
                        return Err(Malformed::new("arrays and objects are nested more than 64 deep"));
                    }
                    (around, depth) = (around << 1 | kind, depth + 1);
                    if kind == OBJECT {
                        self.member()?;
                    }
                    continue;
                }
            }
            // A value has ended, and maybe what is around it.
            loop {
                if depth == 0 {
                    return Ok(start..self.at);
                }
                self.space();
                let is_object = around & 1 == OBJECT;
                if self.take(b',') {
                    self.space();
                    if is_object {
                        self.member()?;
                    }
                    break;
                }
                let close = if is_object { b'}' } else { b']' };
                self.expect(close, "a comma or an end is expected")?;
                (around, depth) = (around >> 1, depth - 1);
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, Malformed> {
        let is_true = self.peek() == Some(b't');
        if !is_true && self.peek() != Some(b'f') {
            return Err(Malformed::new("true or false is expected"));
        }
        self.literal().map(|()| is_true)
    }

    fn literal(&mut self) -> Result<(), Malformed> {
        for literal in ["true", "false", "null"] {
            if self.rest().starts_with(literal) {
                self.at += literal.len();
                return Ok(());
            }
        }
        Err(Malformed::new("a value is expected"))
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(Malformed::new("a digit is expected")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfu_core::serde_json::{self, Value};

    use super::*;

    fn whole(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        let read = scanner.value();
        scanner.space();
        read.is_ok() && scanner.is_at_end()
    }

    fn name(json: &str) -> Option<String> {
        let mut scratch = String::new();
        Scanner::new(json).string().ok()?.read(&mut scratch).map(str::to_owned)
    }

    #[test]
    fn values_are_read_as_the_standard_has_them() {
        for good in [
            "0",
            "-0.5e+3",
            "12E-1",
            "\"\"",
            "\"a\\u00e9\\n\"",
            "[]",
            "{}",
            " [ 1 , [ ] , { \"a\" : null } ] ",
            "{\"a\":{\"b\":[true,false]},\"c\":\"}\"}",
        ] {
            assert!(whole(good), "{good}");
        }
        for bad in [
            "",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "nul",
            "tru",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "[}",
            "{]",
            "[",
            "{\"a\":1",
            "NaN",
        ] {
            assert!(!whole(bad), "{bad}");
        }
    }

    #[test]
    fn nesting_has_a_bottom() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(whole(&nested(64)) && !whole(&nested(65)) && !whole(&"[".repeat(1_000_000)));
        assert!(whole(&format!("{}{{}}{}", "{\"a\":".repeat(64), "}".repeat(64))));
    }

    #[test]
    fn names_are_unescaped_and_have_a_length() {
        assert_eq!(name(r#""a\u006en""#).as_deref(), Some("ann"));
        assert_eq!(name(r#""\ud83d\ude00\/""#).as_deref(), Some("😀/"));
        for half in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#] {
            assert_eq!(name(half), None, "{half}");
        }
        assert!(name(&format!("\"{}\"", "x".repeat(255))).is_some());
        assert_eq!(name(&format!("\"{}\"", "x".repeat(256))), None);
        assert_eq!(name(&format!("\"\\n{}\"", "x".repeat(255))), None);
    }

    proptest! {
        #[test]
        fn it_agrees_with_another_reader(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\u a-ctrulfsn]{0,40}") {
            let theirs = serde_json::from_str::<Value>(&text);
            // Half of a pair of UTF-16 is for us who reads it, and huge numbers are none of our business.
            if !text.contains("\\u") && !text.contains(['e', 'E']) {
                prop_assert_eq!(whole(&text), theirs.is_ok());
            } else if theirs.is_ok() {
                prop_assert!(whole(&text));
            }
        }

        #[test]
        fn any_text_of_a_name_comes_back(text in "\\PC{0,80}|[\\x00-\\x7f]{0,80}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(name(&json), (text.len() <= MOST_BYTES).then_some(text));
        }

        #[test]
        fn any_text_is_read_without_harm(text in "\\PC{0,200}") {
            let _ = whole(&text);
            let _ = name(&text);
        }
    }
}
