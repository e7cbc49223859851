//! Candidate lines of SDP answers.
use std::net::{IpAddr, SocketAddr};

/// A candidate line: `a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ host …`.
fn udp_address(line: &str) -> Option<SocketAddr> {
    let mut words = line.strip_prefix("a=candidate:")?.split_ascii_whitespace();
    let transport = words.nth(2)?;
    let address: IpAddr = words.nth(1)?.parse().ok()?;
    let port = words.next()?.parse().ok()?;
    transport.eq_ignore_ascii_case("udp").then_some(SocketAddr::new(address, port))
}

/// The UDP addresses that an SDP offers, in order, each once.
pub fn udp_candidates(sdp: &str) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for address in sdp.lines().filter_map(udp_address) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// The candidates that an SDP offers, in order: transport in lower case, address or host name, port.
pub fn candidates(sdp: &str) -> Vec<(String, String, u16)> {
    let mut found = Vec::new();
    for line in sdp.lines().filter_map(|line| line.strip_prefix("a=candidate:")) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, _, transport, _, address, port, ..] = words[..] else { continue };
        let one = (transport.to_lowercase(), address.to_owned(), port.parse().unwrap_or_default());
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// The same SDP with `kept` replaced by `replacement`, and all other candidates removed.
pub fn with_only_candidate(sdp: &str, kept: SocketAddr, replacement: SocketAddr) -> String {
    let mut out = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        if line.starts_with("a=candidate:") {
            if udp_address(line) != Some(kept) {
                continue;
            }
            let mut words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
            words[4] = replacement.ip().to_string();
            words[5] = replacement.port().to_string();
            out.push_str(&words.join(" "));
        } else {
            out.push_str(line);
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=candidate:1 1 udp 2130706431 10.0.0.1 4000 typ host\r\n\
        a=candidate:2 1 udp 2130706430 127.0.0.1 4000 typ host\r\n\
        a=candidate:3 1 tcp 2130706429 10.0.0.1 4001 typ host tcptype passive\r\na=end-of-candidates\r\n";

    #[test]
    fn udp_candidates_are_found_in_order() {
        let found: Vec<String> = udp_candidates(ANSWER).iter().map(|address| address.to_string()).collect();
        assert_eq!(found, ["10.0.0.1:4000", "127.0.0.1:4000"]);
    }

    #[test]
    fn all_candidates_are_found_whatever_their_transport_and_address() {
        let sdp = format!("{ANSWER}a=candidate:4 1 UDP 1 sfu.example.org 9 typ host\r\n");
        let found = candidates(&sdp);
        assert_eq!(found.len(), 4);
        assert_eq!(found[2], ("tcp".into(), "10.0.0.1".into(), 4001));
        assert_eq!(found[3], ("udp".into(), "sfu.example.org".into(), 9));
    }

    #[test]
    fn one_candidate_remains_and_points_to_the_relay() {
        let kept = "127.0.0.1:4000".parse().unwrap();
        let rewritten = with_only_candidate(ANSWER, kept, "127.0.0.1:9".parse().unwrap());
        assert_eq!(rewritten.matches("a=candidate").count(), 1);
        assert!(rewritten.contains("a=candidate:2 1 udp 2130706430 127.0.0.1 9 typ host\r\n"), "{rewritten}");
        assert!(rewritten.ends_with("a=end-of-candidates\r\n"));
    }
}
