use std::net::SocketAddr;

use sfu_core::control::{Command, Dump, Reply, WebRtcServerId, WebRtcServerOptions};

use super::Desk;
use super::convert::listen_info;
use super::detail::{Announced, Detail};
use super::lookup::{unexpected, wrong_handler};
use super::perform::Answer;
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, Kind};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::webrtc_server::{DumpResponse, IceUserNameFragment, IpPort};
use crate::schema::v3_27::worker::CreateWebRtcServerRequest;

impl Desk {
    pub(super) async fn create_webrtc_server(
        &mut self,
        body: CreateWebRtcServerRequest,
        method: Method,
    ) -> Answer {
        self.check_free(&body.web_rtc_server_id, method)?;
        let infos = body.listen_infos.unwrap_or_default();
        if infos.is_empty() {
            return Err(Refusal::type_error(
                "signaling.mediasoup: listenInfos is empty; name an address to listen on",
            ));
        }
        let listen: Result<Vec<_>, _> = infos.into_iter().map(|info| listen_info(info, self.ports)).collect();
        let listen = listen?;
        let announced = Detail::WebRtcServer(Announced::of(&listen));
        let server =
            match self.control.command(Command::CreateWebRtcServer(WebRtcServerOptions { listen })).await? {
                Reply::WebRtcServer(id) => id,
                other => return Err(unexpected(&other)),
            };
        self.enter(&body.web_rtc_server_id, Entity::WebRtcServer(server), announced, None, method)?;
        Ok(None)
    }

    pub(super) async fn close_webrtc_server(&mut self, id: &str, method: Method) -> Answer {
        let (key, server) = self.webrtc_server(id, method)?;
        self.close(Command::CloseWebRtcServer(server)).await?;
        // Transports on it close with it; the library closes its own.
        let transports: Vec<Key> =
            self.registry.dependents(key, Kind::Transport).map(|(key, _)| key).collect();
        for transport in transports {
            self.forget(transport);
        }
        self.forget(key);
        Ok(None)
    }

    /// The server of this name.
    pub(super) fn webrtc_server(&self, id: &str, method: Method) -> Result<(Key, WebRtcServerId), Refusal> {
        match self.child(None, id, Kind::WebRtcServer, method)? {
            (key, Entity::WebRtcServer(server)) => Ok((key, server)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    pub(super) async fn webrtc_server_dump(&self, id: &str, method: Method) -> Answer {
        let (key, server) = match self.handler_of(id, method, Kind::WebRtcServer)? {
            (key, Entity::WebRtcServer(server)) => (key, *server),
            _ => return Err(wrong_handler(id, method)),
        };
        let dump = match self.dump(server).await? {
            Dump::WebRtcServer(dump) => dump,
            _ => return Err(Refusal::error("signaling.mediasoup: this is the dump of something else")),
        };
        let ip_port = |address: &SocketAddr| IpPort { ip: address.ip().to_string(), port: address.port() };
        let fragments = dump.username_fragments.into_iter().filter_map(|(fragment, transport)| {
            let id = self.registry.name_of(transport)?.to_owned();
            Some(IceUserNameFragment { local_ice_username_fragment: fragment, web_rtc_transport_id: id })
        });
        let transports = self.registry.dependents(key, Kind::Transport);
        Ok(Some(Body::WebRtcServerDumpResponse(DumpResponse {
            id: id.to_owned(),
            udp_sockets: dump.udp.iter().map(ip_port).collect(),
            tcp_servers: dump.tcp.iter().map(ip_port).collect(),
            web_rtc_transport_ids: transports.map(|(_, entry)| entry.id.clone()).collect(),
            local_ice_username_fragments: fragments.collect(),
        })))
    }
}
