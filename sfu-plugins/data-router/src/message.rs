//! What a peer says, in either form.
use std::ops::Range;

use crate::header;
use crate::json::{Scanner, Text};

/// The two forms of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A text: a JSON envelope.
    Text,
    /// Bytes: a binary header, and the payload.
    Binary,
}

/// What a peer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// A message for others.
    Send {
        /// Whom it is for.
        to: Destination<'a>,
        /// Where its body lies.
        body: Range<usize>,
    },
    /// Joins a group.
    Join(Text<'a>),
    /// Leaves a group.
    Leave(Text<'a>),
    /// Subscribes to a topic.
    Subscribe(Text<'a>),
    /// Unsubscribes from a topic.
    Unsubscribe(Text<'a>),
    /// Asks who is in the room and to be told of changes, or not to be told any more.
    Presence(bool),
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination<'a> {
    /// One peer.
    Peer(Text<'a>),
    /// Several peers.
    Peers(Names<'a>),
    /// The members of a group.
    Group(Text<'a>),
    /// Everybody else in the room.
    Others,
    /// The subscribers of a topic.
    Topic(Text<'a>),
}

/// A list of names in one of the two forms, known to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Names<'a> {
    /// The inside of a JSON array of strings.
    Json(&'a str),
    /// Names with their length before them, one after the other.
    Binary(&'a [u8]),
}

impl<'a> Iterator for Names<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Names::Json(rest) => {
                let mut scanner = Scanner::new(rest);
                scanner.space();
                if scanner.take(b',') {
                    scanner.space();
                }
                let text = scanner.string().ok()?;
                *rest = scanner.rest();
                Some(text)
            }
            Names::Binary(rest) => {
                let (text, behind) = header::name(rest)?;
                *rest = behind;
                Some(text)
            }
        }
    }
}

/// Why a message is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// What kind of thing is wrong.
    pub(crate) problem: Problem,
    /// What is wrong, for whoever wrote the sender.
    pub(crate) text: &'static str,
}

impl Malformed {
    /// A message that does not keep to its form.
    pub(crate) const fn new(text: &'static str) -> Self {
        Malformed { problem: Problem::Malformed, text }
    }

    /// A message of another version.
    pub(crate) const fn version(text: &'static str) -> Self {
        Malformed { problem: Problem::Version, text }
    }
}

/// What can be wrong with a message; each kind has a name in JSON and a number in the binary form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It does not keep to its form.
    Malformed,
    /// It is of another version.
    Version,
    /// No such peer is in the room.
    UnknownPeer,
    /// No such group is in the room.
    UnknownGroup,
    /// The peer has no data channel to be reached by.
    Unreachable,
    /// The sender sends too much.
    Rate,
    /// There would be too many of something, or it would be too long.
    Limit,
}

impl Problem {
    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Problem::Malformed => "malformed",
            Problem::Version => "version",
            Problem::UnknownPeer => "unknown-peer",
            Problem::UnknownGroup => "unknown-group",
            Problem::Unreachable => "unreachable",
            Problem::Rate => "rate",
            Problem::Limit => "limit",
        }
    }

    /// The number in the binary form.
    pub(crate) fn number(self) -> u8 {
        match self {
            Problem::Malformed => 1,
            Problem::Version => 2,
            Problem::UnknownPeer => 3,
            Problem::UnknownGroup => 4,
            Problem::Unreachable => 5,
            Problem::Rate => 6,
            Problem::Limit => 7,
        }
    }
}
