//! The worker runs, its plugins see media.
mod support;

use std::path::Path;
use std::time::Duration;

const WORKER: &str = env!("CARGO_BIN_EXE_example-worker");

/// How long a worker may take to end.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn the_own_plugin_counts_and_the_recorder_records_on_one_media_thread() {
    assert!(support::counts_and_records(Path::new(WORKER), 1) < SOON);
}

#[test]
fn the_own_plugin_counts_and_the_recorder_records_on_two_media_threads() {
    assert!(support::counts_and_records(Path::new(WORKER), 2) < SOON);
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    support::reads_its_configuration_again(Path::new(WORKER));
}
