//! RIDs (RFC 8851) and simulcast (RFC 8853).
use std::collections::BTreeMap;

/// `a=rid`: one encoding and its restrictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rid {
    /// Name of the encoding: letters, digits, `-` and `_`.
    pub id: String,
    /// Whether the sender of the description sends or receives it.
    pub direction: RidDirection,
    /// Payload types that it is limited to; empty for all.
    pub payload_types: Vec<u8>,
    /// Restrictions (`max-width`, `max-br` …), values as text.
    pub restrictions: BTreeMap<String, String>,
}

/// Which way an encoding flows, seen from the sender of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RidDirection {
    /// It is sent.
    Send,
    /// It is received.
    Recv,
}

impl Rid {
    /// Reads what stands behind `a=rid:`.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (id, rest) = value.split_once(' ')?;
        let (direction, restrictions) = match rest.trim_ascii().split_once(' ') {
            Some((direction, restrictions)) => (direction, restrictions.trim_ascii()),
            None => (rest.trim_ascii(), ""),
        };
        let direction = match direction {
            "send" => RidDirection::Send,
            "recv" => RidDirection::Recv,
            _ => return None,
        };
        let mut rid = Rid {
            id: is_rid(id).then(|| id.to_string())?,
            direction,
            payload_types: Vec::new(),
            restrictions: BTreeMap::new(),
        };
        for restriction in restrictions.split(';').map(str::trim_ascii).filter(|r| !r.is_empty()) {
            let (name, value) = restriction.split_once('=').unwrap_or((restriction, ""));
            let name = name.trim_ascii();
            if name == "pt" {
                rid.payload_types =
                    value.split(',').map(|pt| pt.trim_ascii().parse().ok()).collect::<Option<_>>()?;
            } else if !name.is_empty() {
                rid.restrictions.insert(name.to_string(), value.trim_ascii().to_string());
            }
        }
        Some(rid)
    }

    /// A restriction that is a number, such as `max-br`.
    pub fn restriction(&self, name: &str) -> Option<u64> {
        self.restrictions.get(name)?.parse().ok()
    }
}

/// Names of encodings: RFC 8851 §10, at most 255 characters so that a header extension can carry them (RFC 8852).
pub(super) fn is_rid(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl std::fmt::Display for Rid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let direction = match self.direction {
            RidDirection::Send => "send",
            RidDirection::Recv => "recv",
        };
        write!(f, "{} {direction}", self.id)?;
        let mut separator = ' ';
        if !self.payload_types.is_empty() {
            let pts: Vec<String> = self.payload_types.iter().map(u8::to_string).collect();
            write!(f, " pt={}", pts.join(","))?;
            separator = ';';
        }
        for (name, value) in &self.restrictions {
            write!(f, "{separator}{name}")?;
            if !value.is_empty() {
                write!(f, "={value}")?;
            }
            separator = ';';
        }
        Ok(())
    }
}

/// `a=simulcast`: streams in order of preference, each with its alternatives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulcast {
    /// Streams that the sender of the description sends.
    pub send: Vec<Vec<SimulcastStream>>,
    /// Streams that it receives.
    pub recv: Vec<Vec<SimulcastStream>>,
}

/// One alternative of a simulcast stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulcastStream {
    /// RID.
    pub rid: String,
    /// Paused at first (`~`).
    pub paused: bool,
}

/// Streams, and alternatives of one stream, that are read at the most.
const MAX_STREAMS: usize = 16;

impl Simulcast {
    /// Whether there is no simulcast at all.
    pub fn is_empty(&self) -> bool {
        self.send.is_empty() && self.recv.is_empty()
    }

    /// Reads what stands behind `a=simulcast:`.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut simulcast = Simulcast::default();
        let mut words = value.split_ascii_whitespace();
        while let Some(direction) = words.next() {
            let streams = match direction {
                "send" => &mut simulcast.send,
                "recv" => &mut simulcast.recv,
                _ => return None,
            };
            if !streams.is_empty() {
                return None;
            }
            *streams = parse_streams(words.next()?)?;
        }
        (!simulcast.is_empty()).then_some(simulcast)
    }
}

fn parse_streams(text: &str) -> Option<Vec<Vec<SimulcastStream>>> {
    // Drafts before RFC 8853 wrote `rid=` in front of the list, and some stacks still do.
    let text = text.strip_prefix("rid=").unwrap_or(text);
    let mut streams = Vec::new();
    for stream in text.split(';') {
        let mut alternatives = Vec::new();
        for alternative in stream.split(',') {
            let (rid, paused) = match alternative.strip_prefix('~') {
                Some(rid) => (rid, true),
                None => (alternative, false),
            };
            if !is_rid(rid) || alternatives.len() == MAX_STREAMS {
                return None;
            }
            alternatives.push(SimulcastStream { rid: rid.to_string(), paused });
        }
        if streams.len() == MAX_STREAMS {
            return None;
        }
        streams.push(alternatives);
    }
    Some(streams)
}

impl std::fmt::Display for Simulcast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut space = "";
        for (direction, streams) in [("send", &self.send), ("recv", &self.recv)] {
            if streams.is_empty() {
                continue;
            }
            write!(f, "{space}{direction} ")?;
            space = " ";
            for (i, stream) in streams.iter().enumerate() {
                for (j, alternative) in stream.iter().enumerate() {
                    let separator = match (i, j) {
                        (0, 0) => "",
                        (_, 0) => ";",
                        _ => ",",
                    };
                    let paused = if alternative.paused { "~" } else { "" };
                    write!(f, "{separator}{paused}{}", alternative.rid)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulcast_survives_its_text_form() {
        for text in ["send h;m;l", "recv 1;~4 send 6;7", "send 1,~4;3"] {
            let simulcast = Simulcast::parse(text).unwrap();
            assert_eq!(Simulcast::parse(&simulcast.to_string()), Some(simulcast));
        }
        assert_eq!(Simulcast::parse("send rid=a;b").unwrap().send.len(), 2);
    }

    #[test]
    fn impossible_simulcast_is_refused() {
        let many = format!("send {}", vec!["a"; 17].join(";"));
        for text in ["", "send", "send ", "up a", "send a;;b", "send a send b", "send a b", many.as_str()] {
            assert_eq!(Simulcast::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_rid_survives_its_text_form() {
        for text in ["h send", "1 send pt=97,98;max-width=1280;max-br=900000", "x recv max-fps=30"] {
            let rid = Rid::parse(text).unwrap();
            assert_eq!(
                rid.to_string(),
                if text.contains("max-br") { "1 send pt=97,98;max-br=900000;max-width=1280" } else { text }
            );
            assert_eq!(Rid::parse(&rid.to_string()), Some(rid));
        }
        for text in ["h", "h up", "ä send", " send", "h send pt=x"] {
            assert_eq!(Rid::parse(text), None, "{text}");
        }
    }
}
