//! The addresses of this machine, for ICE candidates.
use std::net::{IpAddr, Ipv4Addr};

use super::sys;

/// Every address of every interface that is up: IPv4 first, then IPv6, both without link-local ones, and
/// 127.0.0.1 last.
///
/// Where the system does not tell its interfaces, only 127.0.0.1 is returned. Blocks shortly; not for the media thread.
pub fn local_addresses() -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    // Without the list there is still the loopback, with which a first try on one machine works.
    let _ = sys::interface_addresses(|address| addresses.push(address));
    ordered(addresses)
}

fn ordered(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.retain(|address| match address {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_unicast_link_local(),
    });
    // Stable: within a family the system's order of interfaces stays.
    addresses.sort_by_key(IpAddr::is_ipv6);
    let mut unique = Vec::with_capacity(addresses.len() + 1);
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    unique.push(Ipv4Addr::LOCALHOST.into());
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_comes_first_and_loopback_last_without_link_local_ones() {
        let given = [
            "fe80::1",
            "169.254.3.4",
            "2001:db8::1",
            "192.0.2.9",
            "127.0.0.1",
            "::1",
            "192.0.2.1",
            "192.0.2.9",
        ];
        let given = given.iter().map(|ip| ip.parse().unwrap()).collect();
        let expected: Vec<IpAddr> = ["192.0.2.9", "192.0.2.1", "2001:db8::1", "127.0.0.1"]
            .iter()
            .map(|ip| ip.parse().unwrap())
            .collect();
        assert_eq!(ordered(given), expected);
    }

    #[test]
    fn this_machine_has_addresses_that_can_be_bound() {
        let addresses = local_addresses();
        assert_eq!(addresses.last(), Some(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        for address in addresses {
            std::net::UdpSocket::bind((address, 0)).unwrap_or_else(|error| panic!("{address}: {error}"));
        }
    }
}
