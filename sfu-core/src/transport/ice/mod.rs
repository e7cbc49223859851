//! ICE-lite (RFC 8445 §2.5) on STUN (RFC 8489): we have public addresses, answer checks, and are always controlled.
//!
//! An [`IceAgent`] per transport answers the peer's checks and knows which routes are validated and which one is
//! selected. It is generic over the route, so it knows no sockets.

mod agent;
mod candidate;
mod counters;
mod credentials;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod forge;
mod integrity;
mod message;
mod refusal;
#[cfg(test)]
mod tests;
mod tuples;
mod writer;

pub(crate) use agent::{ConsentTimeout, IceAgent, IceEvent, IceEvents, IceState, MAX_REPLY_LEN};
pub(crate) use candidate::{Candidate, Preference, Protocol};
pub(crate) use counters::IceCounters;
pub(crate) use credentials::{Credentials, Ufrag};
pub(crate) use message::Message;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use message::parse_username;
