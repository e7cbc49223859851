#!/usr/bin/env bash
# Workers generated from the template build, run and count.
# BESIDE
source "$(dirname "$0")/lib.sh"

check_tests "generated workers" cargo test --locked --workspace --test template -- builds_runs builds_too
exit 0
