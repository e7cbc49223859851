//! WHIP and WHEP through real requests, in front of a stand-in for the media threads and in stopped time.
mod bench;
mod cors;
mod data_channels;
mod events;
mod foreign;
mod handover;
mod hostile;
mod leaks;
mod life;
mod listing;
mod page;
mod patch;
mod publish;
mod tokens;
mod watch;
