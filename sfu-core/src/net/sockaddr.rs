//! Socket addresses and control messages as the kernel lays them out, read and written in safe code.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::sys::{CONTROL_SIZE, NAME_SIZE};

/// The level of UDP socket options and control messages.
pub(super) const SOL_UDP: i32 = 17;
/// Socket option and control message: the size of a segment to send.
pub(super) const UDP_SEGMENT: i32 = 103;
/// Socket option and control message: the size of the received segments.
pub(super) const UDP_GRO: i32 = 104;

/// Writes a `sockaddr` for a socket of family IPv6 (`v6`) or IPv4; `None` when that socket cannot reach the address.
pub(super) fn encode(address: SocketAddr, v6: bool) -> Option<([u8; NAME_SIZE], usize)> {
    let mut name = [0; NAME_SIZE];
    let (family, port) = name.split_first_chunk_mut::<2>()?;
    let (port, rest) = port.split_first_chunk_mut::<2>()?;
    *port = address.port().to_be_bytes();
    match address {
        SocketAddr::V4(address) if !v6 => {
            *family = (libc::AF_INET as u16).to_ne_bytes();
            *rest.first_chunk_mut()? = address.ip().octets();
            Some((name, 16))
        }
        SocketAddr::V6(_) if !v6 => None,
        _ => {
            *family = (libc::AF_INET6 as u16).to_ne_bytes();
            let (_flow, rest) = rest.split_first_chunk_mut::<4>()?;
            let (ip, scope) = rest.split_first_chunk_mut::<16>()?;
            match address {
                SocketAddr::V4(address) => *ip = address.ip().to_ipv6_mapped().octets(),
                SocketAddr::V6(address) => {
                    *ip = address.ip().octets();
                    *scope.first_chunk_mut()? = address.scope_id().to_ne_bytes();
                }
            }
            Some((name, NAME_SIZE))
        }
    }
}

/// Reads a `sockaddr`. IPv4 on a dual-stack socket comes out as IPv4; flow labels are left out.
pub(super) fn decode(name: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = name.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Some(SocketAddr::new(Ipv4Addr::from(*rest.first_chunk::<4>()?).into(), port)),
        libc::AF_INET6 => {
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            let scope = u32::from_ne_bytes(*rest.first_chunk::<4>()?);
            Some(canonical(SocketAddrV6::new(Ipv6Addr::from(*ip), port, 0, scope).into()))
        }
        _ => None,
    }
}

/// The address with IPv4 out of its IPv6 wrapping, so that one peer has one address.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
        v4 => v4,
    }
}

/// Control messages to send along.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control {
    bytes: [u8; CONTROL_SIZE],
    len: usize,
}

impl Default for Control {
    fn default() -> Self {
        Self { bytes: [0; CONTROL_SIZE], len: 0 }
    }
}

/// The kernel's `cmsghdr`: a length of pointer size, a level and a type.
const HEADER: usize = size_of::<usize>() + 8;

fn aligned(len: usize) -> usize {
    len.next_multiple_of(size_of::<usize>())
}

impl Control {
    /// Asks for `local` as the source address, on a socket of family IPv6 (`v6`) or IPv4.
    pub(super) fn source(&mut self, local: IpAddr, v6: bool) {
        match local {
            IpAddr::V4(ip) if !v6 => {
                // struct in_pktinfo: interface index, local address, header address.
                let mut info = [0; 12];
                if let Some(address) = info.get_mut(4..8) {
                    address.copy_from_slice(&ip.octets());
                }
                self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            IpAddr::V6(_) if !v6 => {}
            _ => {
                let ip = match local {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                // struct in6_pktinfo: address, interface index.
                let mut info = [0; 20];
                if let Some(address) = info.first_chunk_mut::<16>() {
                    *address = ip.octets();
                }
                self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    /// Asks for segmentation into datagrams of `size` bytes, the last may be shorter.
    pub(super) fn segment(&mut self, size: u16) {
        self.push(SOL_UDP, UDP_SEGMENT, &size.to_ne_bytes());
    }

    #[inline]
    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let end = self.len + aligned(HEADER + data.len());
        let Some(room) = self.bytes.get_mut(self.len..end) else { return };
        let Some((len, rest)) = room.split_first_chunk_mut() else { return };
        let Some((to_level, rest)) = rest.split_first_chunk_mut() else { return };
        let Some((to_kind, rest)) = rest.split_first_chunk_mut() else { return };
        let Some(to_data) = rest.get_mut(..data.len()) else { return };
        *len = (HEADER + data.len()).to_ne_bytes();
        *to_level = level.to_ne_bytes();
        *to_kind = kind.to_ne_bytes();
        to_data.copy_from_slice(data);
        self.len = end;
    }

    /// The control messages; empty when nothing was asked for.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What the control messages of a received message said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// The address of ours that was hit.
    pub local: Option<IpAddr>,
    /// The size of the coalesced datagrams, when several came as one.
    pub segment: Option<usize>,
    /// When the kernel got it, in nanoseconds since 1970.
    pub arrived: Option<u64>,
}

impl Received {
    /// Reads control messages; what is unknown or broken is passed over.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut received = Self::default();
        while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
            let Some((len, rest)) = header.split_first_chunk() else { break };
            let len = usize::from_ne_bytes(*len);
            let (Some((level, rest)), Some(data)) = (rest.split_first_chunk(), bytes.get(HEADER..len)) else {
                break;
            };
            let Some(kind) = rest.first_chunk() else { break };
            received.take(i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind), data);
            bytes = bytes.get(aligned(len)..).unwrap_or_default();
        }
        received
    }

    fn take(&mut self, level: i32, kind: i32, data: &[u8]) {
        match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // The "specific destination" is ours even where the header's destination is a broadcast address.
                if let Some(ip) = data.get(4..8).and_then(|ip| ip.first_chunk::<4>()) {
                    self.local = Some(IpAddr::from(*ip));
                }
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                if let Some(ip) = data.first_chunk::<16>() {
                    let ip = IpAddr::from(*ip).to_canonical();
                    self.local = (!ip.is_multicast()).then_some(ip);
                }
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => self.arrived = time(data),
            (SOL_UDP, UDP_GRO) => {
                let size = data.first_chunk().map(|size| i32::from_ne_bytes(*size));
                self.segment = size.and_then(|size| usize::try_from(size).ok()).filter(|&size| size > 0);
            }
            _ => {}
        }
    }
}

/// Reads a `timespec` of a 64-bit system.
fn time(data: &[u8]) -> Option<u64> {
    let (seconds, nanos) = data.first_chunk::<16>()?.split_first_chunk::<8>()?;
    // Nonsense makes nonsense, which the age of a datagram is checked for anyway.
    let nanos = u64::from_ne_bytes(*nanos.first_chunk()?);
    Some(u64::from_ne_bytes(*seconds).wrapping_mul(1_000_000_000).wrapping_add(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_round_trip_for_both_families_of_socket() {
        for (address, v6) in [
            ("192.0.2.7:5000", false),
            ("192.0.2.7:5000", true),
            ("[2001:db8::1]:443", true),
            ("[fe80::1%3]:1", true),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let (name, len) = encode(address, v6).unwrap();
            assert_eq!(decode(&name[..len]), Some(address), "{address} v6={v6}");
        }
        assert!(encode("[::1]:1".parse().unwrap(), false).is_none());
    }

    #[test]
    fn control_messages_round_trip() {
        for (local, v6) in [("127.0.0.2", false), ("127.0.0.2", true), ("2001:db8::1", true)] {
            let local: IpAddr = local.parse().unwrap();
            let mut control = Control::default();
            control.source(local, v6);
            control.segment(1200);
            assert_eq!(Received::parse(control.as_bytes()).local, Some(local), "{local} v6={v6}");
        }
    }

    #[test]
    fn the_time_of_arrival_is_read() {
        let mut control = Control::default();
        control.source("127.0.0.1".parse().unwrap(), false);
        let time = [1_800_000_000_i64.to_ne_bytes(), 999_999_999_i64.to_ne_bytes()].concat();
        control.push(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &time);
        assert_eq!(Received::parse(control.as_bytes()).arrived, Some(1_800_000_000_999_999_999));
    }

    #[test]
    fn the_segment_size_is_read_after_another_message() {
        let mut control = Control::default();
        control.source("127.0.0.1".parse().unwrap(), false);
        control.push(SOL_UDP, UDP_GRO, &1200_i32.to_ne_bytes());
        assert_eq!(Received::parse(control.as_bytes()).segment, Some(1200));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
            Received::parse(&bytes);
        }

        #[test]
        fn mutated_control_messages_never_panic(at in 0..96_usize, to: u8) {
            let mut control = Control::default();
            control.source("127.0.0.1".parse().unwrap(), false);
            control.source("::1".parse().unwrap(), true);
            control.push(SOL_UDP, UDP_GRO, &1200_i32.to_ne_bytes());
            if let Some(byte) = control.bytes.get_mut(at) {
                *byte = to;
            }
            Received::parse(control.as_bytes());
        }
    }
}
