//! What whole-system tests stand on: a worker process, browsers, foreign WebRTC stacks, a lossy relay, and the tools
//! that read recordings.
//!
//! A test drives a real `sfu-worker` from outside, as a user would. What a machine lacks makes a test *skipped*, aloud
//! ([`skip!`]), never silently green.
// Signals to other processes.
#![allow(unsafe_code)]

pub mod browser;
pub mod conference;
pub mod config;
pub mod front;
pub mod http;
pub mod media;
pub mod numbers;
pub mod own_page;
pub mod participant;
pub mod peer;
pub mod ports;
pub mod relay;
pub mod rtp;
pub mod run;
pub mod sdp;
pub mod sender;
pub mod stack;
pub mod stream;
pub mod tools;
pub mod worker;
