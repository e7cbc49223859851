//! How much there may be, who is who, and what can be asked.
use sfu_core::plugin::{Error, config, request};
use sfu_core::schemars::JsonSchema;
use sfu_core::serde::{Deserialize, Serialize};
use sfu_core::serde_json::Value;

/// How much there may be: `[plugins.data-router]`.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Bytes that the name of a group or topic may have, 1–255.
    pub name_bytes: u8,
    /// Peers that one message may name in a list.
    pub list_peers: u8,
    /// Groups of a room.
    pub room_groups: u16,
    /// Groups that a peer may be in.
    pub peer_groups: u16,
    /// Topics of a room that somebody subscribes to.
    pub room_topics: u16,
    /// Topics that a peer may subscribe to.
    pub peer_topics: u16,
    /// Peers of a room that are told who comes and goes.
    pub room_watchers: u16,
    /// Errors that a peer is told of in a second; more are counted. 0: any number.
    pub errors_per_second: u16,
    /// Events `data-router.joined` and `data-router.left` in a second, on each media thread; more are counted. 0: any
    /// number.
    pub events_per_second: u16,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name_bytes: 64,
            list_peers: 64,
            room_groups: 1000,
            peer_groups: 16,
            room_topics: 1000,
            peer_topics: 64,
            room_watchers: 256,
            errors_per_second: 10,
            events_per_second: 100,
        }
    }
}

impl Config {
    /// Refuses what would make no sense.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.name_bytes == 0 {
            return Err(Error::at("plugins.data-router.name_bytes", "a name has a byte; set 1 to 255"));
        }
        Ok(())
    }
}

/// Who is who, and how much a peer may send: the options of `enable`, and of `[plugins.data-router.options]`.
#[config]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The label that names a peer; without it a peer is named after its session or transport.
    pub peer_label: String,
    /// The label that names a room; without it a router is one.
    pub room_label: String,
    /// Only data channels with this label are routed; empty: all.
    pub channel: String,
    /// What becomes of messages that are in neither form.
    pub plain: Plain,
    /// Messages that a peer may send in a second; 0: any number.
    pub messages_per_second: u32,
    /// Bytes that a peer may send in a second; 0: any number.
    pub bytes_per_second: u32,
    /// Milliseconds' worth of both that a peer may send at once.
    pub burst_ms: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            peer_label: "user".to_owned(),
            room_label: "room".to_owned(),
            channel: String::new(),
            plain: Plain::Forward,
            messages_per_second: 500,
            bytes_per_second: 1_000_000,
            burst_ms: 1000,
        }
    }
}

/// What becomes of messages that are in neither form.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// They go to the data consumers of their data producer, as without this plugin.
    Forward,
    /// They end here.
    Drop,
}

/// Requests, about an entity and what is below it, or about all.
#[request]
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The peers of each room, and what they sent; 500 in an answer.
    Peers {
        /// So many are left out.
        #[serde(default)]
        skip: u32,
    },
    /// The groups and topics of each room, and the first 100 who are in each; 500 in an answer.
    Groups {
        /// So many are left out.
        #[serde(default)]
        skip: u32,
    },
    /// Sends a text to peers, in their envelope; `from` is empty.
    Send {
        /// Only in the room of this name; all rooms below the target if left out.
        #[serde(default)]
        room: Option<String>,
        /// Whom it is for.
        to: To,
        /// What they get.
        body: Value,
    },
}

/// Whom a message of an administrator is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(crate = "sfu_core::serde", rename_all = "snake_case")]
#[schemars(crate = "sfu_core::schemars")]
pub enum To {
    /// One peer.
    Peer(String),
    /// Several peers.
    Peers(Vec<String>),
    /// The members of a group.
    Group(String),
    /// The subscribers of a topic.
    Topic(String),
    /// Everybody.
    All,
}
