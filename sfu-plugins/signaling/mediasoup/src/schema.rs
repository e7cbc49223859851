//! What the protocol's messages consist of, one module per version.
//!
//! Tables and the numbers of enums and unions change between releases of mediasoup, so nothing is shared by
//! accident: a version's module is complete. The next one is an addition: a module beside `v3_27` that takes
//! over unchanged files (`pub use super::v3_27::rtp_packet;`) and declares the others anew, and a member of
//! [`ProtocolVersion`]. The names of tables and fields are those of the protocol.
#[cfg(test)]
pub(crate) mod catalog;
mod pairs;
pub mod v3_27;
mod version;

pub use version::{ProtocolVersion, UnsupportedVersion, VersionNote};
