//! SDP fragments of trickle ICE and ICE restart (`application/trickle-ice-sdpfrag`, RFC 8840 §9).
use std::fmt::Write;

use sfu_core::control::{IceCandidate, IceParameters, Protocol};

/// Lines of a fragment at the most.
const MAX_LINES: usize = 512;

/// What a peer's fragment says. Its candidates are not kept: we are ICE-lite and answer where checks come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fragment {
    /// Its user name fragment.
    pub ufrag: Option<String>,
    /// Its password.
    pub pwd: Option<String>,
    /// How many candidates it names.
    pub candidates: usize,
}

/// The text is no SDP fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whip.fragment: line {0} is no line of an SDP fragment (RFC 8840 section 9)")]
pub struct BadFragment(pub usize);

impl Fragment {
    /// Reads a fragment: `a=` and `m=` lines only, at least one of them, ufrag and pwd well-formed.
    pub fn parse(text: &str) -> Result<Self, BadFragment> {
        let mut fragment = Fragment::default();
        let mut lines = 0;
        for (place, line) in text.lines().enumerate() {
            let bad = BadFragment(place + 1);
            if place >= MAX_LINES {
                return Err(bad);
            }
            if line.is_empty() {
                continue;
            }
            lines += 1;
            if let Some(attribute) = line.strip_prefix("a=") {
                let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                match name {
                    "ice-ufrag" => fragment.ufrag = Some(credential(value, 4).ok_or(bad)?),
                    "ice-pwd" => fragment.pwd = Some(credential(value, 22).ok_or(bad)?),
                    "candidate" => {
                        if value.split_ascii_whitespace().count() < 8 {
                            return Err(bad);
                        }
                        fragment.candidates += 1;
                    }
                    "" => return Err(bad),
                    _ => {}
                }
            } else if !line.strip_prefix("m=").is_some_and(|m| m.split_ascii_whitespace().count() >= 4) {
                return Err(bad);
            }
        }
        if lines == 0 { Err(BadFragment(1)) } else { Ok(fragment) }
    }
}

/// RFC 8839 §5.4: `least` to 256 characters of the ICE alphabet; `-`, `_` and `=`, which some stacks add, pass.
fn credential(value: &str, least: usize) -> Option<String> {
    let value = value.trim_end();
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    (value.bytes().all(good) && (least..=256).contains(&value.len())).then(|| value.to_owned())
}

/// The first user name fragment and password of an SDP or a fragment.
pub fn credentials_of(sdp: &str) -> (Option<String>, Option<String>) {
    let find =
        |prefix: &str| sdp.lines().find_map(|line| line.strip_prefix(prefix)).map(|v| v.trim().to_owned());
    (find("a=ice-ufrag:"), find("a=ice-pwd:"))
}

/// Where our credentials belong in a bundled answer: its group and its first medium.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleHead {
    group: Option<String>,
    medium: Option<String>,
    mid: Option<String>,
}

impl BundleHead {
    /// Reads it out of our own answer: the first medium that was not refused.
    pub fn of(answer: &str) -> Self {
        let mut head = BundleHead::default();
        for line in answer.lines() {
            if line.starts_with("a=group:BUNDLE") && head.group.is_none() {
                head.group = Some(line.to_owned());
            } else if line.starts_with("m=") {
                if head.medium.is_some() {
                    break;
                }
                if line.split_ascii_whitespace().nth(1) != Some("0") {
                    head.medium = Some(line.to_owned());
                }
            } else if head.medium.is_some() && line.starts_with("a=mid:") {
                head.mid = Some(line.to_owned());
                break;
            }
        }
        head
    }

    /// The answer to an ICE restart (RFC 9725 §4.3.3).
    pub fn restart(&self, ice: &IceParameters, candidates: &[IceCandidate]) -> String {
        let mut out = String::with_capacity(512);
        let mut line = |text: &str| {
            out.push_str(text);
            out.push_str("\r\n");
        };
        line("a=ice-lite");
        line("a=ice-options:trickle ice2");
        for part in [&self.group, &self.medium, &self.mid].into_iter().flatten() {
            line(part);
        }
        line(&format!("a=ice-ufrag:{}", ice.username_fragment));
        line(&format!("a=ice-pwd:{}", ice.password));
        for candidate in candidates {
            line(&candidate_line(candidate));
        }
        line("a=end-of-candidates");
        out
    }
}

fn candidate_line(c: &IceCandidate) -> String {
    let (protocol, tail) = match c.protocol {
        Protocol::Udp => ("udp", ""),
        Protocol::Tcp => ("tcp", " tcptype passive"),
    };
    let mut line = String::new();
    let _ = write!(
        line,
        "a=candidate:{} 1 {protocol} {} {} {} typ host{tail}",
        c.foundation, c.priority, c.address, c.port
    );
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRICKLE: &str = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n\
        a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\n\
        a=candidate:1 1 udp 1 5f1e.local 6 typ host generation 0\r\na=end-of-candidates\r\n";

    #[test]
    fn a_fragment_tells_credentials_and_candidates() {
        let fragment = Fragment::parse(TRICKLE).unwrap();
        assert_eq!(fragment.ufrag.as_deref(), Some("EsAw"));
        assert_eq!(fragment.pwd.as_deref(), Some("P2uYro0UCOQ4zxjKXaWCBui1"));
        assert_eq!(fragment.candidates, 2);
    }

    #[test]
    fn what_is_no_fragment_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("\r\n\r\n", 1),
            ("{}", 1),
            ("v=0\r\n", 1),
            ("a=mid:0\r\na=ice-ufrag:x\r\n", 2),
            ("a=ice-pwd:short\r\n", 1),
            ("a=ice-ufrag:a b c d\r\n", 1),
            ("a=candidate:1 1 udp\r\n", 1),
            ("m=audio\r\n", 1),
            ("a=\r\n", 1),
        ] {
            assert_eq!(Fragment::parse(text), Err(BadFragment(line)), "{text:?}");
        }
        assert!(Fragment::parse(&"a=x\r\n".repeat(600)).is_err());
    }

    #[test]
    fn a_restart_is_answered_below_the_first_medium_that_lives() {
        let answer = "v=0\r\na=group:BUNDLE 1\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\nm=video 9 X 97\r\na=mid:2\r\n";
        let ice =
            IceParameters { username_fragment: "abcd".into(), password: "p".repeat(22), ice_lite: true };
        let candidate = |protocol| IceCandidate {
            foundation: "1".into(),
            priority: 7,
            address: "192.0.2.1".into(),
            protocol,
            port: 9,
        };
        let text =
            BundleHead::of(answer).restart(&ice, &[candidate(Protocol::Udp), candidate(Protocol::Tcp)]);
        let expected = "a=ice-lite\r\na=ice-options:trickle ice2\r\na=group:BUNDLE 1\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:abcd\r\na=ice-pwd:pppppppppppppppppppppp\r\n\
            a=candidate:1 1 udp 7 192.0.2.1 9 typ host\r\na=candidate:1 1 tcp 7 192.0.2.1 9 typ host tcptype passive\r\n\
            a=end-of-candidates\r\n";
        assert_eq!(text, expected);
        assert_eq!(Fragment::parse(&text).unwrap().ufrag.as_deref(), Some("abcd"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = Fragment::parse(&text);
            let _ = BundleHead::of(&text);
            let _ = credentials_of(&text);
        }

        #[test]
        fn a_mutated_fragment_never_panics(at in 0usize..300, byte in any::<u8>()) {
            let mut bytes = TRICKLE.as_bytes().to_vec();
            let len = bytes.len();
            bytes[at % len] = byte;
            let _ = Fragment::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
