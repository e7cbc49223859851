//! A router, or a server of ports, on several media threads: its own thread knows its parts, each part knows what it is of.
//!
//! A part is a router like any other to what is in it and to the plugins of its thread. Outside, there is one router.
use super::control::not_found;
use super::relay::RelayWord;
use super::router::Router;
use super::{Engine, SocketFactory};
use crate::control::{
    Command, ControlError, ListenInfo, PartSettings, PartStep, Reply, RouterId, RouterWeight, ServerParts,
    Target, WebRtcServerId, WebRtcServerOptions,
};

impl Engine {
    /// Carries out a step of spreading a router or a server.
    pub(super) fn part_step(
        &mut self,
        step: PartStep,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        match step {
            PartStep::Weigh(router) => self.weigh(router).map(|weight| Reply::RouterWeight(Box::new(weight))),
            PartStep::Make(settings) => Ok(Reply::Router(self.make_part(settings))),
            PartStep::Enter { home, part } => {
                let router = self.routers.get_mut(home).ok_or_else(|| not_found(home.into()))?;
                // One that closed by itself may still be there.
                router.parts.retain(|other| other.worker() != part.worker());
                router.parts.push(part);
                self.weigh(Some(home)).map(|weight| Reply::RouterWeight(Box::new(weight)))
            }
            PartStep::ShowServer(id) => self.show_server(id),
            PartStep::MakeServer { home, listen } => self.make_server_part(home, listen, sockets),
            PartStep::EnterServer { home, part } => {
                let server = self.webrtc_servers.get_mut(home).ok_or_else(|| not_found(home.into()))?;
                server.parts.retain(|other| other.worker() != part.worker());
                server.parts.push(part);
                self.show_server(home)
            }
        }
    }

    /// What a router carries here, and what this media thread carries besides. Rules of plugins are added by the shell.
    fn weigh(&self, router: Option<RouterId>) -> Result<RouterWeight, ControlError> {
        let mut weight =
            RouterWeight { all: self.transports.len() + self.consumers.len(), ..RouterWeight::default() };
        if let Some(id) = router {
            let router = self.routers.get(id).ok_or_else(|| not_found(id.into()))?;
            weight.room = router.transports.len() + router.consumers;
            weight.is_part = router.home.is_some();
            weight.parts.clone_from(&router.parts);
            weight.labels.clone_from(&router.labels);
        }
        Ok(weight)
    }

    /// The part of a router of another media thread; made if there is none yet.
    fn make_part(&mut self, PartSettings { home, labels, .. }: PartSettings) -> RouterId {
        let known = self.routers.iter().find(|(_, router)| router.home == Some(home)).map(|(id, _)| id);
        match known.and_then(|id| Some((id, self.routers.get_mut(id)?))) {
            Some((id, router)) => {
                router.labels = labels;
                id
            }
            None => self.routers.insert_with(|_| Router { home: Some(home), ..Router::new(labels) }),
        }
    }

    /// The part of a server of another media thread; opened if there is none yet.
    fn make_server_part(
        &mut self,
        home: WebRtcServerId,
        listen: Vec<ListenInfo>,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        if let Some((id, _)) = self.webrtc_servers.iter().find(|(_, server)| server.home == Some(home)) {
            return Ok(Reply::WebRtcServer(id));
        }
        let id = self.create_webrtc_server(&WebRtcServerOptions { listen }, sockets)?;
        if let Some(server) = self.webrtc_servers.get_mut(id) {
            server.home = Some(home);
        }
        Ok(Reply::WebRtcServer(id))
    }

    fn show_server(&self, id: WebRtcServerId) -> Result<Reply, ControlError> {
        let server = self.webrtc_servers.get(id).ok_or_else(|| not_found(id.into()))?;
        let (listen, parts) = (server.told.clone(), server.parts.clone());
        Ok(Reply::ServerParts(Box::new(ServerParts { listen, parts })))
    }

    /// Something closed: its parts close, too, and with a part the whole.
    pub(super) fn close_other_parts<I: Into<Target> + Copy>(&mut self, by: I, home: Option<I>, parts: &[I]) {
        let by = by.into();
        for target in parts.iter().copied().chain(home).map(Into::into) {
            if let Some(worker) = Target::worker(target) {
                self.relays.say(worker, RelayWord::PartClosed { target, by });
            }
        }
    }

    /// The command that a word of another media thread comes to. A part that its whole never heard of closes nothing.
    pub(crate) fn close_of(&self, word: &RelayWord) -> Option<Command> {
        let RelayWord::PartClosed { target, by } = word else { return None };
        match (*target, *by) {
            (Target::Router(id), Target::Router(by)) => {
                let router = self.routers.get(id)?;
                (router.home == Some(by) || router.parts.contains(&by)).then_some(Command::CloseRouter(id))
            }
            (Target::WebRtcServer(id), Target::WebRtcServer(by)) => {
                let server = self.webrtc_servers.get(id)?;
                let belongs = server.home == Some(by) || server.parts.contains(&by);
                belongs.then_some(Command::CloseWebRtcServer(id))
            }
            _ => None,
        }
    }

    /// Whether a router is a part of one of another media thread.
    pub(crate) fn is_part(&self, id: RouterId) -> bool {
        self.known_router(id) != id
    }

    /// What a router is known as outside: a part by the name of its router.
    pub(crate) fn known_router(&self, id: RouterId) -> RouterId {
        self.routers.get(id).and_then(|router| router.home).unwrap_or(id)
    }
}
