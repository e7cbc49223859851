//! What planus makes of the schema.
#![allow(missing_docs, clippy::all, clippy::undocumented_unsafe_blocks, unused, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/schema.rs"));
