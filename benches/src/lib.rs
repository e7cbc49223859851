//! What is measured: compositions of plugins on the worker's own media path.
pub mod callgrind;
pub mod composition;
pub mod plugins;
