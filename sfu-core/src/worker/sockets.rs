//! The sockets of a media thread as the engine asks for them.
use std::net::SocketAddr;

use crate::control::{ControlError, ListenInfo, Protocol};
use crate::engine::SocketFactory;
use crate::net::{Net, SocketId, TcpOptions, UdpOptions};

/// Opens sockets on the network layer.
pub(crate) struct NetSockets<'a>(pub(crate) &'a mut Net);

impl SocketFactory for NetSockets<'_> {
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        let (first, last) = listen.port_range.unwrap_or((listen.port, listen.port));
        if first > last {
            return Err(ControlError::invalid(format!(
                "control.listen: the port range {first}–{last} is empty"
            )));
        }
        let mut failure = None;
        // Begins anywhere, so that ports are not used again at once.
        let count = u32::from(last - first) + 1;
        let offset = if count > 1 { crate::engine::Random::system().u32() % count } else { 0 };
        for step in 0..count {
            let port = first + ((offset + step) % count) as u16;
            match self.bind(listen, SocketAddr::new(listen.ip, port)) {
                Ok(id) => {
                    let address = self.0.local_addr(id).unwrap_or(SocketAddr::new(listen.ip, port));
                    return Ok((id, address));
                }
                Err(error) => failure = Some(error),
            }
        }
        let error = failure.map(|error| error.to_string()).unwrap_or_default();
        Err(ControlError::limit(format!("control.listen: {error}")))
    }

    fn close(&mut self, socket: SocketId) {
        self.0.remove(socket);
    }
}

impl NetSockets<'_> {
    fn bind(&mut self, listen: &ListenInfo, address: SocketAddr) -> Result<SocketId, crate::net::BindError> {
        match listen.protocol {
            Protocol::Udp => {
                let default = UdpOptions::default();
                let options = UdpOptions {
                    recv_buffer: listen.recv_buffer_size.map_or(default.recv_buffer, |size| size as usize),
                    send_buffer: listen.send_buffer_size.map_or(default.send_buffer, |size| size as usize),
                    ..default
                };
                self.0.add_udp(address, options)
            }
            Protocol::Tcp => self.0.add_tcp(address, TcpOptions::default()),
        }
    }
}
