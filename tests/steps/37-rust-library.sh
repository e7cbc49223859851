#!/usr/bin/env bash
# The unmodified Rust crate mediasoup on our stand-in for mediasoup-sys: two packages in a workspace of their own.
# LONG: clippy for the stand-in of mediasoup-sys and its tests
# BESIDE
source "$(dirname "$0")/lib.sh"

manifest=tests/rust-library/Cargo.toml
# Much of what it needs is there from generated workers.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$SFU_TEST_ROOT/target}
check "rustfmt" cargo fmt --manifest-path $manifest --package sfu-rust-library --package mediasoup-sys --check
# It checks all dependencies once more.
is_long && check "clippy" cargo clippy --locked --manifest-path $manifest --workspace --all-targets -- -D warnings
check_tests "rust library" cargo test --locked --manifest-path $manifest --workspace --no-fail-fast
exit 0
