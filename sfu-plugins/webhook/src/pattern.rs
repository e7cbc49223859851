//! Which events a hook wants.

/// A name of events: whole, or all that begin with a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `*`.
    All,
    /// `recorder.*`: what stands before the asterisk, with the dot.
    Below(String),
    /// `recorder.stopped`.
    Exactly(String),
}

impl Pattern {
    /// Reads one; the error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
        let is_word = |word: &str| {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
            !word.is_empty() && word.chars().all(good)
        };
        let shown = || text.chars().take(60).collect::<String>();
        if text == "*" {
            return Ok(Pattern::All);
        }
        if let Some(before) = text.strip_suffix(".*") {
            if before.split('.').all(is_word) {
                return Ok(Pattern::Below(format!("{before}.")));
            }
        } else if text.split('.').all(is_word) {
            return Ok(Pattern::Exactly(text.to_owned()));
        }
        Err(format!("`{}` names no events; write `*`, `session.*` or `session.closed`", shown()))
    }

    /// Whether an event of this name is wanted.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Below(prefix) => name.starts_with(prefix.as_str()),
            Pattern::Exactly(whole) => name == whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_words() {
        let matches = |pattern: &str, name: &str| Pattern::parse(pattern).expect(pattern).matches(name);
        assert!(matches("*", "session.opened") && matches("session.*", "session.opened"));
        assert!(matches("audio-selector.speakers", "audio-selector.speakers"));
        assert!(matches("recorder.*", "recorder.file.closed"));
        assert!(!matches("session.*", "sessions.opened") && !matches("session.open", "session.opened"));
        assert!(!matches("session.*", "session"));
        for wrong in ["", ".", "*.*", "session*", "session.", ".*", "Session.opened", "a b", "a.**"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
