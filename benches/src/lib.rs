//! What is measured: compositions of plugins on the worker's own media path.
pub mod callgrind;
pub mod composition;
pub mod cpu;
pub mod executed;
pub mod first_party;
pub mod plugins;
pub mod statistics;

/// The instructions before this call do not count.
#[inline(never)]
pub fn counting_begins() {
    std::hint::black_box(());
}
