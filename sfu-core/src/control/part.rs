//! Parts of a router, or of a server of ports: what stands for it on other media threads than its own.
use serde_json::Value;

use super::{Command, Labels, ListenInfo, RouterId, WebRtcServerId};

/// A step of spreading a router or a server over media threads.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct PartCommand(pub(crate) PartStep);

/// See [`PartCommand`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PartStep {
    /// Say what a router, or a part of one, carries on this media thread, and what the thread carries besides. Answers
    /// [`Reply::RouterWeight`](super::Reply::RouterWeight).
    Weigh(Option<RouterId>),
    /// Make a part of a router of another media thread, or bring the one that is there to these settings. Answers
    /// [`Reply::Router`](super::Reply::Router).
    Make(PartSettings),
    /// Take a part into the books of its router. Answers [`Reply::RouterWeight`](super::Reply::RouterWeight), with settings that
    /// the part may not have yet.
    Enter { home: RouterId, part: RouterId },
    /// Say where a server listens, and on which other media threads it has parts. Answers
    /// [`Reply::ServerParts`](super::Reply::ServerParts).
    ShowServer(WebRtcServerId),
    /// Make a part of a server of another media thread, if there is none yet, that listens there. Answers
    /// [`Reply::WebRtcServer`](super::Reply::WebRtcServer).
    MakeServer { home: WebRtcServerId, listen: Vec<ListenInfo> },
    /// Take a part into the books of its server.
    EnterServer { home: WebRtcServerId, part: WebRtcServerId },
}

/// Where a server listens, and its parts.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerParts {
    /// As it was told.
    pub(crate) listen: Vec<ListenInfo>,
    /// Its parts on other media threads; only its own thread knows them.
    pub(crate) parts: Vec<WebRtcServerId>,
}

impl ServerParts {
    /// Where the part listens whose media thread is so many behind the server's: of ports that are given, at those behind them.
    /// Fails where there is none.
    pub(crate) fn listen_behind(&self, threads: u8) -> Option<Vec<ListenInfo>> {
        let behind = |info: &ListenInfo| {
            let port = match info.port {
                0 => 0,
                port => port.checked_add(threads.into())?,
            };
            Some(ListenInfo { port, ..info.clone() })
        };
        self.listen.iter().map(behind).collect()
    }
}

/// What a part has in common with its router.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PartSettings {
    /// The router.
    pub(crate) home: RouterId,
    /// Its labels.
    pub(crate) labels: Labels,
    /// What requests said of plugins in it.
    pub(crate) rules: Vec<PluginRule>,
}

/// A plugin is switched on or off somewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PluginRule {
    /// The plugin's id.
    pub(crate) plugin: String,
    /// On.
    pub(crate) on: bool,
    /// Its options; `null` for none.
    pub(crate) options: Value,
}

/// What a router carries on one media thread.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouterWeight {
    /// Transports and consumers of the router.
    pub(crate) room: usize,
    /// Those of the whole media thread.
    pub(crate) all: usize,
    /// It is a part itself, which has none.
    pub(crate) is_part: bool,
    /// Its parts on other media threads; only its own thread knows them.
    pub(crate) parts: Vec<RouterId>,
    /// Its labels.
    pub(crate) labels: Labels,
    /// What requests said of plugins in it.
    pub(crate) rules: Vec<PluginRule>,
}

impl PartStep {
    /// The command that carries it.
    pub(crate) fn command(self) -> Command {
        Command::Part(PartCommand(self))
    }
}
