//! The ports that WebRTC transports share, when another worker takes them over.
use crate::control::{ControlError, Protocol, Reply};
use crate::engine::transport::Link;
use crate::engine::{Engine, SharedListen, SocketFactory};
use crate::net::{Listening, Route};

impl Engine {
    /// Leaves the shared ports to whoever binds them next: validated peers stay, TCP connections too, and all else goes there.
    pub(super) fn release_ports(&mut self, sockets: &mut dyn SocketFactory) -> Result<Reply, ControlError> {
        let links = self.transports.iter().filter_map(|(_, transport)| match &transport.link {
            Link::WebRtc(link) => Some(link),
            Link::Plain(_) | Link::Direct(_) => None,
        });
        let routes: Vec<Route> = links.flat_map(|link| link.ice.routes()).copied().collect();
        let shared = std::mem::take(&mut self.config.shared);
        let mut kept = SharedListen { candidates: shared.candidates, sockets: Vec::new() };
        let mut failed = None;
        for listening in shared.sockets {
            let Listening { socket, protocol, .. } = listening;
            match protocol {
                Protocol::Tcp => sockets.close(socket),
                Protocol::Udp => {
                    let own: Vec<Route> =
                        routes.iter().filter(|route| route.socket == socket).copied().collect();
                    if let Err(error) = sockets.hand_over(socket, &own) {
                        kept.sockets.push(listening);
                        failed = Some(error);
                    }
                }
            }
        }
        if !kept.sockets.is_empty() {
            self.config.shared = kept;
        }
        failed.map_or(Ok(Reply::Done), Err)
    }
}
