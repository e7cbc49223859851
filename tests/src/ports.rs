//! Ports for workers that are told which to take.
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Two ports next to each other that are free by UDP and by TCP, and that no other test of this process was given.
pub fn free_pair() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let is_free = |port: u16| {
        UdpSocket::bind(("0.0.0.0", port)).is_ok() && TcpListener::bind(("0.0.0.0", port)).is_ok()
    };
    loop {
        let port = NEXT.fetch_add(2, Ordering::Relaxed);
        assert!(port < 30_000, "no free ports");
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}
