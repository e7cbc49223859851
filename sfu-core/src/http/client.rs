//! Who speaks, also through a proxy.
use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// The other end of an HTTP request; every request carries one as an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its address: of the connection, or what a trusted proxy says.
    pub ip: IpAddr,
    /// The connection's own address, which may be a proxy's.
    pub peer: SocketAddr,
    /// It came over TLS, here or at a trusted proxy.
    pub https: bool,
    /// The host that it asked for: `Host`, or what a trusted proxy says.
    pub host: Option<String>,
}

impl Client {
    /// Reads the headers of a request; forwarded ones count only when `peer` is trusted.
    pub(crate) fn of(peer: SocketAddr, tls: bool, headers: &HeaderMap, trusted: &[IpAddr]) -> Client {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut client =
            Client { ip: peer.ip().to_canonical(), peer, https: tls, host: text("host").map(str::to_owned) };
        if !trusted.iter().any(|proxy| proxy.to_canonical() == client.ip) {
            return client;
        }
        // Each proxy appends the address that it saw: the first from the right that is no proxy of ours is the client.
        if let Some(chain) = text("x-forwarded-for") {
            for hop in chain.rsplit(',') {
                let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
                client.ip = ip.to_canonical();
                if !trusted.iter().any(|proxy| proxy.to_canonical() == client.ip) {
                    break;
                }
            }
        }
        if let Some(proto) = text("x-forwarded-proto") {
            client.https = proto.trim().eq_ignore_ascii_case("https");
        }
        if let Some(host) = text("x-forwarded-host") {
            client.host = Some(host.trim().to_owned());
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn forwarded_headers_of_a_stranger_are_not_believed() {
        let headers =
            headers(&[("x-forwarded-for", "10.9.9.9"), ("x-forwarded-host", "evil"), ("host", "us")]);
        let client =
            Client::of("192.0.2.1:5".parse().unwrap(), false, &headers, &["192.0.2.2".parse().unwrap()]);
        assert_eq!(
            (client.ip, client.host.as_deref(), client.https),
            ("192.0.2.1".parse().unwrap(), Some("us"), false)
        );
    }

    #[test]
    fn behind_trusted_proxies_the_first_stranger_from_the_right_is_the_client() {
        let proxies = ["192.0.2.2".parse().unwrap(), "192.0.2.3".parse().unwrap()];
        let headers = headers(&[
            ("x-forwarded-for", "1.2.3.4, 198.51.100.7, 192.0.2.3"),
            ("x-forwarded-proto", "https"),
        ]);
        let client = Client::of("192.0.2.2:5".parse().unwrap(), false, &headers, &proxies);
        assert_eq!(client.ip, "198.51.100.7".parse::<IpAddr>().unwrap());
        assert!(client.https);
    }
}
