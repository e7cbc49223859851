//! The sans-IO state machine of one media thread: datagrams, commands and `now` go in; datagrams, steps and deadlines come out.
//!
//! It owns no socket, no clock and no thread, and it never calls up: where a plugin has a say, a function returns a step to
//! the shell (`shell.rs`), which asks the plugins and calls the engine again.
mod clock;
mod counters;
mod packet;
mod table;
mod timers;
