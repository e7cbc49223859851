//! Making and closing servers of ports for WebRTC transports.
use std::time::Instant;

use super::listen::{Opened, open_all};
use super::not_found;
use crate::control::{CloseReason, ControlError, EventBody, Reply, WebRtcServerId, WebRtcServerOptions};
use crate::engine::webrtc_server::WebRtcServer;
use crate::engine::{Engine, SocketFactory};

/// Sockets of one server at the most: each costs a descriptor.
const MAX_LISTEN: usize = 1024;

impl Engine {
    pub(crate) fn create_webrtc_server(
        &mut self,
        options: &WebRtcServerOptions,
        sockets: &mut dyn SocketFactory,
    ) -> Result<WebRtcServerId, ControlError> {
        if options.listen.is_empty() || options.listen.len() > MAX_LISTEN {
            return Err(ControlError::invalid(format!(
                "control.create_webrtc_server: 1 to {MAX_LISTEN} addresses to listen on are needed"
            )));
        }
        let Opened { listen, candidates, .. } = open_all(&options.listen, sockets)?;
        let told = options.listen.clone();
        let (transports, home, parts) = Default::default();
        let server = WebRtcServer { listen, candidates, transports, told, home, parts };
        Ok(self.webrtc_servers.insert_with(|_| server))
    }

    pub(super) fn close_webrtc_server(
        &mut self,
        now: Instant,
        id: WebRtcServerId,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        let server = self.webrtc_servers.get(id).ok_or_else(|| not_found(id.into()))?;
        for transport in server.transports.clone() {
            self.end_transport(now, transport, CloseReason::Parent, sockets);
        }
        let Some(server) = self.webrtc_servers.remove(id) else { return Err(not_found(id.into())) };
        for listening in &server.listen {
            sockets.close(listening.socket);
        }
        self.close_other_parts(id, server.home, &server.parts);
        // The server itself tells for its parts.
        if server.home.is_some() {
            Ok(Reply::Done)
        } else {
            self.told(id, EventBody::Closed(CloseReason::Requested))
        }
    }
}
