//! What plugin and signaling authors test with.
//!
//! [`Bench`] is a whole worker in virtual time with peers around it; [`conformance`] puts a plugin through what every plugin
//! has to bear, [`check_readme`] holds its README against it; [`control_double`] stands in for the media threads behind a
//! control handle.
mod background;
mod bench;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench_support;
mod build;
mod conformance;
mod control_double;
mod data;
mod double_replies;
mod hot;
mod media;
mod observe;
mod path;
mod peer;
mod peer_options;
mod play;
mod readme;
mod receiver;
mod room;
mod rtp;
mod secure;
mod sender;
mod skip;
mod steer;
mod stun;
mod surroundings;
mod trial;

pub use bench::Bench;
pub use build::Build;
pub use conformance::{conformance, conformance_with};
pub use control_double::{ControlDouble, control_double};
pub use data::{ReceivedData, stream};
pub use media::Media;
pub use path::{Conditions, Datagram, Direction};
pub use peer_options::PeerOptions;
pub use readme::check_readme;
pub use receiver::{Received, Receiver, SenderReported};
pub use room::PeerId;
pub use rtp::{Rtp, opus, vp8, vp8_key};
pub use sender::{ReceptionReported, Sender, TransportFeedback};
pub use skip::skipped;
pub use steer::Pending;
pub use stun::Check;
pub use surroundings::spend;

/// A [`Build`] of several plugins, in order: `build!(Count, Mix).workers(2).start()`.
#[macro_export]
macro_rules! build {
    ($($plugin:ty),* $(,)?) => {
        $crate::testing::Build::<$crate::__plugins!($($plugin),*)>::new()
    };
}

/// A [`Bench`] of several plugins, in order: `bench!(Count, Mix)`.
#[macro_export]
macro_rules! bench {
    ($($plugin:ty),* $(,)?) => { $crate::testing::build!($($plugin),*).start() };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __plugins {
    () => { $crate::plugin::Nil };
    ($first:ty $(, $rest:ty)*) => { $crate::plugin::Cons<$first, $crate::__plugins!($($rest),*)> };
}

#[doc(inline)]
pub use crate::{bench, build};
