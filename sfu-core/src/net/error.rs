//! Why a socket cannot be opened.
use std::io;
use std::net::SocketAddr;

use super::Protocol;

/// Why a socket cannot be opened, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another socket has the port.
    #[error(
        "net: {protocol} {address} is taken: stop the program that holds the port, or choose another port"
    )]
    Taken {
        /// UDP or TCP.
        protocol: Protocol,
        /// The address asked for.
        address: SocketAddr,
    },
    /// The port is privileged, or a policy forbids it.
    #[error(
        "net: not allowed to bind {protocol} {address}: use a port from 1024 up, or grant CAP_NET_BIND_SERVICE"
    )]
    Forbidden {
        /// UDP or TCP.
        protocol: Protocol,
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address belongs to no interface of this machine.
    #[error(
        "net: no interface has the address of {protocol} {address}: listen on an address of this machine, \
         and announce a foreign one (behind NAT) instead"
    )]
    NoSuchAddress {
        /// UDP or TCP.
        protocol: Protocol,
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system lacks IPv4 or IPv6.
    #[error(
        "net: the system does not speak the family of {protocol} {address}: listen on the other IP version"
    )]
    NoSuchFamily {
        /// UDP or TCP.
        protocol: Protocol,
        /// The address asked for.
        address: SocketAddr,
    },
    /// The process or the system has no file descriptor left.
    #[error(
        "net: no file descriptor left for {protocol} {address}: raise the limit of open files (ulimit -n)"
    )]
    TooManyFiles {
        /// UDP or TCP.
        protocol: Protocol,
        /// The address asked for.
        address: SocketAddr,
    },
    /// Any other failure of the system.
    #[error("net: cannot open {protocol} {address}: {source}")]
    Other {
        /// UDP or TCP.
        protocol: Protocol,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    /// Sorts what the system said about opening `address`.
    pub(super) fn new(protocol: Protocol, address: SocketAddr, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EADDRINUSE) => Self::Taken { protocol, address },
            Some(libc::EACCES | libc::EPERM) => Self::Forbidden { protocol, address },
            Some(libc::EADDRNOTAVAIL) => Self::NoSuchAddress { protocol, address },
            Some(libc::EAFNOSUPPORT) => Self::NoSuchFamily { protocol, address },
            Some(libc::EMFILE | libc::ENFILE) => Self::TooManyFiles { protocol, address },
            _ => Self::Other { protocol, address, source },
        }
    }
}
