//! Compositions at work, without an engine.
mod bench;
mod cfgs;
mod cost;
mod dispatch;
mod enabling;
mod faults;
mod newcomer;
mod requests;
mod switching;
mod texts;
