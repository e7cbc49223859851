//! The plugin API is complete: what plugins of other servers can do, ours can.
//!
//! The table of it is in `ARCHITECTURE.md`; much of what it names is tested elsewhere among these scenarios.
mod begin;
mod control;
mod data_endpoint;
mod disagreement;
mod injected;
mod link;
mod player;
mod probe;
mod rtcp;
mod session;
mod states;
mod table;
