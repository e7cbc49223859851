//! Whole-system tests: one file per behaviour, each against a real worker process, with one worker and with two.
mod browser_codecs;
mod browsers_page;
mod browsers_pairings;
mod first_call;
mod hostile_page;
mod interop;
mod lifecycle;
mod loss_five_percent;
mod page_panels;
mod plain_rtp;
mod publisher_returns;
mod recording_conversion;
mod recording_kill;
mod sigterm;
mod tls_reload;
