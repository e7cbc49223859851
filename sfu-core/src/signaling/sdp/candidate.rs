//! ICE candidates (RFC 8839 §5.1).

/// One candidate, as far as an ICE-lite agent has a use for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Foundation.
    pub foundation: String,
    /// 1 for RTP, 2 for RTCP.
    pub component: u16,
    /// `udp` or `tcp`, in the sender's case.
    pub transport: String,
    /// Priority.
    pub priority: u32,
    /// IP address, or a host name (mDNS).
    pub address: String,
    /// Port.
    pub port: u16,
    /// `host`, `srflx`, `prflx` or `relay`.
    pub kind: String,
    /// `passive`, `active` or `so` (RFC 6544), TCP only.
    pub tcp_type: Option<String>,
}

impl Candidate {
    /// Reads what stands behind `candidate:`; `None` for what we do not know, which ICE tells us to ignore.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let mut candidate = Candidate {
            foundation: words.next()?.to_string(),
            component: words.next()?.parse().ok()?,
            transport: words.next()?.to_string(),
            priority: words.next()?.parse().ok()?,
            address: words.next()?.to_string(),
            port: words.next()?.parse().ok()?,
            ..Candidate::default()
        };
        if words.next()? != "typ" {
            return None;
        }
        candidate.kind = words.next()?.to_string();
        // Extensions are pairs of name and value; an odd one at the end says nothing.
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            if name == "tcptype" {
                candidate.tcp_type = Some(value.to_string());
            }
        }
        Some(candidate)
    }
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Candidate { foundation, component, transport, priority, address, port, kind, tcp_type } = self;
        write!(f, "{foundation} {component} {transport} {priority} {address} {port} typ {kind}")?;
        match tcp_type {
            Some(tcp_type) => write!(f, " tcptype {tcp_type}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_of_every_stack_are_read() {
        let udp = "842163049 1 udp 1677729535 198.51.100.4 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999";
        let candidate = Candidate::parse(udp).unwrap();
        assert_eq!((candidate.port, candidate.kind.as_str()), (46154, "srflx"));
        let tcp = Candidate::parse("t 1 TCP 1518280447 2001:db8::1 9 typ host tcptype active").unwrap();
        assert_eq!(tcp.tcp_type.as_deref(), Some("active"));
        assert_eq!(Candidate::parse(&tcp.to_string()), Some(tcp));
        assert!(Candidate::parse("0 1 UDP 2122252543 8d3a.local 51515 typ host").is_some());
    }

    #[test]
    fn what_is_no_candidate_is_ignored() {
        for text in ["", "1 1 udp", "1 1 udp x 192.0.2.1 1 typ host", "1 1 udp 1 192.0.2.1 99999 typ host"] {
            assert_eq!(Candidate::parse(text), None, "{text}");
        }
    }
}
