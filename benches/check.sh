#!/usr/bin/env bash
# Counts what the media path costs and holds it against what is promised: instructions with plugins, of single steps and among many
# rooms and viewers, what a packet could wait for, and what entities hold. Nothing is timed here.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release --locked -p sfu-benches --bins
for gate in "instructions --check" "micro count --check" "growth --check" "locks --check" "memory --check"; do
    echo "-- $gate"
    # shellcheck disable=SC2086 # a name and its arguments
    cargo run --quiet --release --locked -p sfu-benches --bin $gate
done
