#!/usr/bin/env bash
# The tests of each crate, examples in documentation too.
# LONG: ten times the cases of property tests, ten times the seeds of lossy DTLS handshakes,
# LONG: a million damaged messages to a mediasoup worker's channel, and as many to the running worker, 20 MB of data channel messages of
# LONG: each kind instead of 2, 100 000 messages between 50 peers of the data-router instead of 2 000, 200 000 damaged inputs for each
# LONG: fuzz target instead of 3000
source "$(dirname "$0")/lib.sh"

if is_long; then
    export PROPTEST_CASES=${PROPTEST_CASES:-2560}
fi
# Workers that a test generates have a step of their own.
check_tests "crates" cargo test --locked --workspace --no-fail-fast -- --skip builds_
exit 0
