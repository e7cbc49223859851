//! The worker runs, its plugins see media.
mod support;

use std::path::Path;

const WORKER: &str = env!("CARGO_BIN_EXE_example-worker");

#[test]
fn the_own_plugin_counts_and_the_recorder_records_on_one_media_thread() {
    support::counts_and_records(Path::new(WORKER), 1);
}

#[test]
fn the_own_plugin_counts_and_the_recorder_records_on_two_media_threads() {
    support::counts_and_records(Path::new(WORKER), 2);
}

#[test]
fn a_hangup_is_told_and_ends_nothing() {
    support::survives_a_hangup(Path::new(WORKER));
}
