//! The host and port of a `Host` or `Origin` header.
use std::net::{IpAddr, Ipv6Addr};

/// A host with its port, if one is written (RFC 3986 §3.2, without user information).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    /// Lower case.
    Name(String),
}

impl Authority {
    /// Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; whatever else a resolver might make sense of is refused.
    pub(crate) fn parse(text: &str) -> Option<Authority> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
                (Host::Ip(IpAddr::V6(address).to_canonical()), port)
            }
            None => {
                let (name, port) = match text.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (text, None),
                };
                let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                if name.is_empty() || !name.bytes().all(good) {
                    return None;
                }
                let host = name.parse().map_or_else(|_| Host::Name(name.to_ascii_lowercase()), Host::Ip);
                (host, port)
            }
        };
        let port = match port {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None => None,
        };
        Some(Authority { host, port })
    }

    /// Whether it names this machine whatever a name server says: `localhost` or a loopback address.
    pub(crate) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name == "localhost",
        }
    }

    /// Whether an `Origin` header (RFC 6454 §7) is the origin of pages that come from here.
    pub(crate) fn is_origin(&self, https: bool, origin: &str) -> bool {
        let (scheme, default_port) = if https { ("https://", 443) } else { ("http://", 80) };
        let Some(other) = origin.strip_prefix(scheme).and_then(Authority::parse) else { return false };
        let port = |authority: &Authority| authority.port.unwrap_or(default_port);
        self.host == other.host && port(self) == port(&other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loopback(text: &str) -> bool {
        Authority::parse(text).is_some_and(|authority| authority.is_loopback())
    }

    #[test]
    fn loopback_hosts_are_known_with_any_port() {
        for host in [
            "localhost",
            "LocalHost:1",
            "127.0.0.1",
            "127.0.0.1:8080",
            "127.255.3.4:65535",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(loopback(host), "{host}");
        }
    }

    #[test]
    fn no_other_host_passes_for_loopback() {
        for host in [
            "",
            ":8080",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "localhost.",
            "evil-localhost",
            "127.0.0.1.evil.example",
            "127.0.0.1.nip.io:8080",
            "localhost:8080@evil.example",
            "evil.example@localhost",
            "localhost:",
            "localhost:x",
            "localhost:80:80",
            "localhost:99999",
            "localhost:+80",
            "localhost/",
            "localhost, evil.example",
            "localhost evil.example",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]8080",
            "[::1%25lo]",
            "[fe80::1]",
            "0.0.0.0",
            "0.0.0.0:8080",
            "[::]",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "128.0.0.1",
            "192.168.1.1",
        ] {
            assert!(!loopback(host), "{host}");
        }
    }

    #[test]
    fn an_origin_is_the_same_in_scheme_host_and_port() {
        let same = |host: &str, https, origin: &str| Authority::parse(host).unwrap().is_origin(https, origin);
        assert!(same("localhost:8080", false, "http://localhost:8080"));
        assert!(same("Example.org", true, "https://example.org"));
        assert!(same("example.org:443", true, "https://example.org"));
        assert!(same("[::1]:8080", false, "http://[::1]:8080"));
        for (host, https, origin) in [
            ("localhost:8080", false, "http://localhost:3000"),
            ("localhost:8080", false, "http://localhost"),
            ("localhost:8080", false, "https://localhost:8080"),
            ("localhost:8080", true, "http://localhost:8080"),
            ("localhost:8080", false, "http://127.0.0.1:8080"),
            ("localhost:8080", false, "null"),
            ("localhost:8080", false, ""),
            ("localhost:8080", false, "http://localhost:8080/"),
            ("localhost:8080", false, "http://localhost:8080.evil.example"),
            ("localhost:8080", false, "http://evil@localhost:8080"),
            ("localhost:8080", false, "localhost:8080"),
        ] {
            assert!(!same(host, https, origin), "{host} {https} {origin}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(text in "\\PC{0,40}", origin in "\\PC{0,40}") {
            if let Some(authority) = Authority::parse(&text) {
                let _ = authority.is_origin(false, &origin);
                let own = format!("https://{text}");
                prop_assert!(authority.is_origin(true, &own));
            }
        }
    }
}
