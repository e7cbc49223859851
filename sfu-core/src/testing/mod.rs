//! What plugin and signaling authors test with.
mod control_double;
mod plain_double;

pub use control_double::{ControlDouble, control_double};
