//! What plugin and signaling authors test with.
mod control_double;
mod double_replies;

pub use control_double::{ControlDouble, control_double};
