//! Whole-system tests: one file per behaviour, each against a real worker process, with one media thread and with two; calls of a
//! mediasoup server, whose workers have one, once.
// Signals to other processes.
#![allow(unsafe_code)]

mod browser_codecs;
mod browsers_page;
mod browsers_pairings;
mod drain;
mod first_call;
mod hostile_page;
mod ice_tcp;
mod interop;
mod lifecycle;
mod load_janus;
mod loss_five_percent;
mod mediasoup_call;
mod mediasoup_channels;
mod mediasoup_close;
mod mediasoup_codecs;
mod mediasoup_consumer_pause;
mod mediasoup_data;
mod mediasoup_direct;
mod mediasoup_firefox;
mod mediasoup_ice_restart;
mod mediasoup_joins;
mod mediasoup_layers;
mod mediasoup_limits;
mod mediasoup_observers;
mod mediasoup_pipe;
mod mediasoup_plain;
mod mediasoup_score;
mod mediasoup_server_stopped;
mod mediasoup_stats;
mod mediasoup_tcp;
mod mediasoup_traces;
mod mediasoup_webrtc_server;
mod mediasoup_worker_killed;
mod own_certificate;
mod page_hostile_words;
mod page_messages;
mod page_panels;
mod page_plugins;
mod page_subsets;
mod plain_rtp;
mod publisher_returns;
mod recording_conversion;
mod recording_kill;
mod red;
mod sigterm;
mod soak;
mod switches;
mod tap;
mod tls_reload;
