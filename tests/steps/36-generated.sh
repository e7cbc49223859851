#!/usr/bin/env bash
# Workers and plugins generated from the templates build, run and count; so does all that the guide makes, and its examples run.
# BESIDE
source "$(dirname "$0")/lib.sh"

check_tests "generated workers" cargo test --locked --workspace --test template --test guide -- builds_
exit 0
