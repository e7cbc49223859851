//! The recorder in whole workers: one file for each thing that is tested, and what they stand on in `bench.rs`, `content.rs`,
//! `live.rs` and `tools.rs`.
mod asked;
mod bench;
mod call;
mod configured;
mod content;
mod files;
mod full;
mod kills;
mod live;
mod tools;
