//! The name of a peer, a group or a topic.
use std::fmt::Display;
use std::rc::Rc;

use sfu_core::serde_json;

/// Bytes of a name at the most: its length has one byte in the binary form.
pub(crate) const MOST_BYTES: usize = 255;

/// A name as both forms write it, made once.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// The name.
    pub(crate) text: Rc<str>,
    /// The same in JSON, in its quotes.
    pub(crate) json: Rc<str>,
}

impl Label {
    /// A name of 1 to 255 bytes.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let is_name = !text.is_empty() && text.len() <= MOST_BYTES;
        is_name.then(|| Self::of(text))
    }

    /// The name of a peer without one, after what it is; far shorter than a name may be.
    pub(crate) fn of_id(kind: &str, id: impl Display) -> Self {
        Self::of(&format!("{kind}:{id}"))
    }

    fn of(text: &str) -> Self {
        // Writing a string into memory can't fail.
        let json = serde_json::to_string(text).unwrap_or_default();
        Label { text: text.into(), json: json.into() }
    }

    /// Writes the binary form: a byte of length, and the name.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_name(&self.text, out);
    }
}

/// Writes a name in the binary form: a byte of length, and the first 255 bytes.
pub(crate) fn write_name(name: &str, out: &mut Vec<u8>) {
    let bytes = name.as_bytes();
    let bytes = bytes.get(..MOST_BYTES).unwrap_or(bytes);
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}
