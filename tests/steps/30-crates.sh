#!/usr/bin/env bash
# The tests of each crate, examples in documentation too.
# LONG: ten times the cases of property tests
source "$(dirname "$0")/lib.sh"

if is_long; then
    export PROPTEST_CASES=${PROPTEST_CASES:-2560}
fi
# The template's own package has a step of its own, and so have the tests of the whole system.
rest=(--workspace --exclude sfu-tests)
cargo metadata --no-deps --format-version 1 2>/dev/null | grep -q '"name":"example-worker"' && rest+=(--exclude example-worker)
check_tests "crates" cargo test --locked "${rest[@]}" --no-fail-fast
check_tests "support of system tests" cargo test --locked -p sfu-tests --lib
exit 0
