#!/usr/bin/env bash
# Counts the instructions of the media path and holds them against what is promised.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --release --locked -p sfu-benches --bin instructions -- --check
