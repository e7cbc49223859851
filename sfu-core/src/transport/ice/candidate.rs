//! ICE candidates and their SDP text (RFC 8839 §5.1, RFC 6544 §4.5).

use std::fmt;
use std::str::FromStr;

use super::integrity::crc32;

/// The type preference of our candidates. They are all of one type, so that any number would do; peers of mediasoup know this one.
const HOST_PREFERENCE: u32 = 64;
/// What the priority of an internal address lies below that of the one which is announced instead.
const INTERNAL_STEP: u32 = 1000;
/// The one component of a bundled, RTCP-multiplexed transport.
const COMPONENT: u8 = 1;
/// No line of SDP that we read may be longer.
const MAX_TEXT_LEN: usize = 512;

/// The transport protocol of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    /// UDP.
    Udp,
    /// TCP with the framing of RFC 4571.
    Tcp,
}

/// The type of a candidate (RFC 8445 §5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CandidateKind {
    /// An address of the host itself; all of ours are.
    Host,
    /// Learned from a STUN server.
    ServerReflexive,
    /// Learned from a check.
    PeerReflexive,
    /// On a TURN server.
    Relay,
}

/// Who opens the connection of a TCP candidate (RFC 6544 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TcpType {
    /// The candidate's owner connects.
    Active,
    /// The other side connects; all of ours are.
    Passive,
    /// Both at once.
    SimultaneousOpen,
}

/// How the peer shall rank our candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Preference {
    /// Which listening address this is, 0 the most preferred.
    pub(crate) order: u8,
    /// Rank UDP above TCP.
    pub(crate) udp: bool,
    /// Rank TCP above UDP.
    pub(crate) tcp: bool,
    /// It is the bound address of one that is announced by another: second choice.
    pub(crate) is_internal: bool,
}

impl Preference {
    /// The local preference (RFC 8445 §5.1.2.1): a preferred protocol outranks ten addresses.
    pub(crate) fn local(self, protocol: Protocol) -> u16 {
        let preferred = match protocol {
            Protocol::Udp => self.udp,
            Protocol::Tcp => self.tcp,
        };
        let base: u16 = if preferred { 11_000 } else { 10_000 };
        base.saturating_sub(u16::from(self.order) * 100)
    }
}

/// Why text is not a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CandidateError {
    /// A field is missing, misspelt, or of a kind that we do not know.
    #[error("ice: candidate does not follow rfc 8839; leave it out")]
    Syntax,
    /// The text is longer than any real candidate.
    #[error("ice: candidate is longer than 512 bytes; leave it out")]
    TooLong,
}

/// One candidate; `Display` and `FromStr` are its SDP attribute without `a=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The same for candidates of one type, address and protocol: 1 to 32 `ice-char`s.
    pub(crate) foundation: String,
    /// 1 for RTP or everything, 2 for RTCP.
    pub(crate) component: u8,
    /// UDP or TCP.
    pub(crate) protocol: Protocol,
    /// The higher, the better.
    pub(crate) priority: u32,
    /// An IP address or a host name.
    pub(crate) address: String,
    /// The port.
    pub(crate) port: u16,
    /// How the address was found.
    pub(crate) kind: CandidateKind,
    /// For TCP: who connects.
    pub(crate) tcp_type: Option<TcpType>,
}

impl Candidate {
    /// One of our own candidates, which are host candidates, passive for TCP.
    ///
    /// `address` is what the peer shall send to: the listening IP, or the announced IP or host name instead.
    pub(crate) fn host(protocol: Protocol, address: &str, port: u16, preference: Preference) -> Self {
        let local = u32::from(preference.local(protocol));
        let name = match protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        };
        Self {
            foundation: format!("{name}{:08x}", crc32(address.as_bytes())),
            component: COMPONENT,
            protocol,
            priority: (HOST_PREFERENCE << 24 | local << 8 | (256 - u32::from(COMPONENT)))
                - if preference.is_internal { INTERNAL_STEP } else { 0 },
            address: address.to_owned(),
            port,
            kind: CandidateKind::Host,
            tcp_type: (protocol == Protocol::Tcp).then_some(TcpType::Passive),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, priority, address, port, .. } = self;
        let protocol = match self.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        };
        let kind = match self.kind {
            CandidateKind::Host => "host",
            CandidateKind::ServerReflexive => "srflx",
            CandidateKind::PeerReflexive => "prflx",
            CandidateKind::Relay => "relay",
        };
        write!(f, "candidate:{foundation} {component} {protocol} {priority} {address} {port} typ {kind}")?;
        match self.tcp_type {
            None => Ok(()),
            Some(TcpType::Active) => f.write_str(" tcptype active"),
            Some(TcpType::Passive) => f.write_str(" tcptype passive"),
            Some(TcpType::SimultaneousOpen) => f.write_str(" tcptype so"),
        }
    }
}

impl FromStr for Candidate {
    type Err = CandidateError;

    /// Reads `candidate:…`, with or without `a=`; extensions that we do not know are passed over.
    fn from_str(text: &str) -> Result<Self, CandidateError> {
        if text.len() > MAX_TEXT_LEN {
            return Err(CandidateError::TooLong);
        }
        let text = text.trim_ascii();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").ok_or(CandidateError::Syntax)?;
        parse_fields(text).ok_or(CandidateError::Syntax)
    }
}

fn parse_fields(text: &str) -> Option<Candidate> {
    let mut fields = text.split_ascii_whitespace();
    let foundation = fields.next().filter(|foundation| {
        foundation.len() <= 32
            && foundation.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    })?;
    let component = fields.next()?.parse().ok().filter(|component| *component > 0)?;
    let protocol = match fields.next()? {
        name if name.eq_ignore_ascii_case("udp") => Protocol::Udp,
        name if name.eq_ignore_ascii_case("tcp") => Protocol::Tcp,
        _ => return None,
    };
    let priority = fields.next()?.parse().ok()?;
    let address = fields.next().filter(|address| is_address(address))?;
    let port = fields.next()?.parse().ok()?;
    if fields.next()? != "typ" {
        return None;
    }
    let kind = match fields.next()? {
        "host" => CandidateKind::Host,
        "srflx" => CandidateKind::ServerReflexive,
        "prflx" => CandidateKind::PeerReflexive,
        "relay" => CandidateKind::Relay,
        _ => return None,
    };
    let mut tcp_type = None;
    while let Some(name) = fields.next() {
        let value = fields.next()?;
        if name == "tcptype" {
            tcp_type = Some(match value {
                "active" => TcpType::Active,
                "passive" => TcpType::Passive,
                "so" => TcpType::SimultaneousOpen,
                _ => return None,
            });
        }
    }
    Some(Candidate {
        foundation: foundation.to_owned(),
        component,
        protocol,
        priority,
        address: address.to_owned(),
        port,
        kind,
        tcp_type,
    })
}

/// Whether text can be an IP address or a host name: nothing that could break out of a line of SDP or of a log.
fn is_address(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn our_candidates_read_as_the_rfcs_say() {
        let udp = Candidate::host(Protocol::Udp, "192.0.2.7", 40_000, Preference::default());
        let priority = (64 << 24) + (10_000 << 8) + 255;
        assert_eq!(
            udp.to_string(),
            format!("candidate:{} 1 udp {priority} 192.0.2.7 40000 typ host", udp.foundation)
        );
        let tcp = Candidate::host(Protocol::Tcp, "sfu.example.org", 443, Preference::default());
        assert!(tcp.to_string().ends_with(" sfu.example.org 443 typ host tcptype passive"));
    }

    #[test]
    fn the_preferred_protocol_outranks_the_order_of_addresses() {
        let rank = |protocol, order, udp, tcp| {
            Candidate::host(protocol, "192.0.2.7", 1, Preference { order, udp, tcp, is_internal: false })
                .priority
        };
        assert!(rank(Protocol::Udp, 9, true, false) > rank(Protocol::Tcp, 0, true, false));
        assert!(rank(Protocol::Tcp, 9, false, true) > rank(Protocol::Udp, 0, false, true));
        assert!(rank(Protocol::Udp, 0, false, false) > rank(Protocol::Udp, 1, false, false));
        assert!(rank(Protocol::Udp, 255, false, false) > 0);
    }

    #[test]
    fn foundations_differ_by_address_and_protocol_only() {
        let of = |protocol, address, port| {
            Candidate::host(protocol, address, port, Preference { order: port as u8, ..Default::default() })
                .foundation
        };
        assert_eq!(of(Protocol::Udp, "192.0.2.7", 1), of(Protocol::Udp, "192.0.2.7", 2));
        assert_ne!(of(Protocol::Udp, "192.0.2.7", 1), of(Protocol::Tcp, "192.0.2.7", 1));
        assert_ne!(of(Protocol::Udp, "192.0.2.7", 1), of(Protocol::Udp, "192.0.2.8", 1));
    }

    #[test]
    fn browser_candidates_are_read() {
        let text = "a=candidate:842163049 1 UDP 1677729535 203.0.113.9 46154 typ srflx raddr 0.0.0.0 rport 0 \
                    generation 0 ufrag aZ+/ network-cost 999";
        let candidate: Candidate = text.parse().unwrap();
        assert_eq!((candidate.kind, candidate.port), (CandidateKind::ServerReflexive, 46_154));
        let text = "candidate:1 1 tcp 2122262783 3f2e1d0c.local 9 typ host tcptype active";
        assert_eq!(text.parse::<Candidate>().unwrap().tcp_type, Some(TcpType::Active));
    }

    #[test]
    fn what_is_no_candidate_is_refused() {
        for text in [
            "",
            "candidate:",
            "candidate:1 1 udp 1 192.0.2.7 70000 typ host",
            "candidate:1 0 udp 1 192.0.2.7 1 typ host",
            "candidate:1 1 sctp 1 192.0.2.7 1 typ host",
            "candidate:1 1 udp 1 192.0.2.7 1 typ",
            "candidate:1 1 udp 1 192.0.2.7 1 typ host tcptype",
            "candidate:1 1 udp 1 192.0.2.7;rm 1 typ host",
            "candidate:é 1 udp 1 192.0.2.7 1 typ host",
        ] {
            assert_eq!(text.parse::<Candidate>(), Err(CandidateError::Syntax), "{text}");
        }
        let long = format!("candidate:1 1 udp 1 192.0.2.7 1 typ host x {}", "y".repeat(600));
        assert_eq!(long.parse::<Candidate>(), Err(CandidateError::TooLong));
    }

    proptest! {
        #[test]
        fn candidates_come_back_from_their_text(
            tcp: bool, order: u8, udp_first: bool, port: u16, address in "[a-z0-9.:-]{1,60}",
        ) {
            let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
            let preference = Preference { order, udp: udp_first, tcp: !udp_first, is_internal: order % 2 == 1 };
            let candidate = Candidate::host(protocol, &address, port, preference);
            prop_assert_eq!(candidate.to_string().parse(), Ok(candidate));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            let _ = text.parse::<Candidate>();
            let _ = format!("candidate:{text}").parse::<Candidate>();
        }
    }
}
