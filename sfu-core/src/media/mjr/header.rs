//! The JSON header of a recording.

use super::{MAX_HEADER_LEN, MjrError};
use serde_json::Value;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MjrMedia {
    /// RTP packets of audio.
    Audio,
    /// RTP packets of video.
    Video,
    /// Messages of a data channel.
    Data,
}

/// The description of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MjrHeader {
    /// What the file holds.
    pub media: MjrMedia,
    /// Codec in lower case: `opus`, `multiopus`, `pcmu`, `pcma`, `g711`, `g722`, `l16`, `l16-48`, `vp8`, `vp9`, `h264`, `av1`,
    /// `h265`, `text` or `binary`.
    pub codec: String,
    /// Format parameters as in SDP.
    pub fmtp: Option<String>,
    /// Description for people.
    pub description: Option<String>,
    /// Header extensions that the packets carry: id (1 to 15) and URI.
    pub extensions: Vec<(u8, String)>,
    /// When the recording was created, in microseconds since 1970.
    pub created: u64,
    /// When the first record was written, in microseconds since 1970.
    pub written: u64,
    /// Payload type of redundant audio (RFC 2198), if it was negotiated.
    pub red_payload_type: Option<u8>,
    /// The payload is encrypted end to end.
    pub encrypted: bool,
}

impl MjrHeader {
    /// A header with nothing but medium and codec; the writer fills in the times.
    pub fn new(media: MjrMedia, codec: impl Into<String>) -> Self {
        Self {
            media,
            codec: codec.into(),
            fmtp: None,
            description: None,
            extensions: Vec::new(),
            created: 0,
            written: 0,
            red_payload_type: None,
            encrypted: false,
        }
    }

    /// The JSON text, with keys in the order and with the spaces that Janus writes.
    pub(super) fn to_json(&self) -> Result<String, MjrError> {
        use std::fmt::Write;
        let string = |text: &str| Value::from(text).to_string();
        let media = match self.media {
            MjrMedia::Audio => 'a',
            MjrMedia::Video => 'v',
            MjrMedia::Data => 'd',
        };
        let mut json = format!(r#"{{"t": "{media}", "c": {}"#, string(&self.codec));
        // Writing into a string can't fail.
        if let Some(fmtp) = &self.fmtp {
            let _ = write!(json, r#", "f": {}"#, string(fmtp));
        }
        if let Some(description) = &self.description {
            let _ = write!(json, r#", "d": {}"#, string(description));
        }
        if !self.extensions.is_empty() {
            let entries: Vec<_> =
                self.extensions.iter().map(|(id, uri)| format!(r#""{id}": {}"#, string(uri))).collect();
            let _ = write!(json, r#", "x": {{{}}}"#, entries.join(", "));
        }
        let _ = write!(json, r#", "s": {}, "u": {}"#, self.created, self.written);
        if let Some(payload_type) = self.red_payload_type {
            let _ = write!(json, r#", "or": {payload_type}"#);
        }
        if self.encrypted {
            json.push_str(r#", "e": true"#);
        }
        json.push('}');
        if json.len() > MAX_HEADER_LEN {
            return Err(MjrError::TooLong { len: json.len(), max: MAX_HEADER_LEN });
        }
        Ok(json)
    }

    /// Reads the JSON text. Unknown keys are ignored.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, MjrError> {
        let json: Value = serde_json::from_slice(json).map_err(|_| MjrError::Header("it isn't JSON"))?;
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let media = match json.get("t").and_then(Value::as_str) {
            Some("a") => MjrMedia::Audio,
            Some("v") => MjrMedia::Video,
            Some("d") => MjrMedia::Data,
            _ => return Err(MjrError::Header("`t` isn't a, v or d")),
        };
        let extensions = json.get("x").and_then(Value::as_object).into_iter().flatten();
        let time = |key: &str| json.get(key).and_then(Value::as_u64);
        Ok(Self {
            media,
            codec: text("c").ok_or(MjrError::Header("`c`, the codec, is missing"))?,
            fmtp: text("f"),
            description: text("d"),
            extensions: extensions
                .filter_map(|(id, uri)| Some((id.parse().ok()?, uri.as_str()?.to_owned())))
                .collect(),
            created: time("s").ok_or(MjrError::Header("`s`, the time of creation, is missing"))?,
            written: time("u").ok_or(MjrError::Header("`u`, the time of the first record, is missing"))?,
            red_payload_type: time("or").and_then(|payload_type| payload_type.try_into().ok()),
            encrypted: json.get("e").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}
