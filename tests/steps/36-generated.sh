#!/usr/bin/env bash
# Workers and plugins generated from the templates build, run and count; so does what the guide's first chapter makes.
# BESIDE
source "$(dirname "$0")/lib.sh"

check_tests "generated workers" cargo test --locked --workspace --test template --test guide -- builds_
exit 0
