//! Labels of a sample, as they are written.
use std::fmt::{Display, Write};

/// Labels as text: `worker="0",room="a"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LabelText(String);

impl LabelText {
    /// No labels.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a label; the value is escaped, and an empty one is the same as none.
    pub(crate) fn with(mut self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        if value.is_empty() {
            return self;
        }
        if !self.0.is_empty() {
            self.0.push(',');
        }
        // Writing into a string can't fail.
        let _ = write!(self.0, "{name}=\"");
        escape(&value, &mut self.0);
        self.0.push('"');
        self
    }

    /// The text between the braces.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes a label's value: backslash, quote and line feed are escaped, all else stands as it is.
fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
