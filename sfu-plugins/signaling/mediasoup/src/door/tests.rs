//! The door with a fake library on the other side of two sockets, and stand-ins for media threads.
mod library;
mod loop_tests;
mod plugin_tests;

pub(crate) use loop_tests::direct_options;
