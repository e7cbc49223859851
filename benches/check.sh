#!/usr/bin/env bash
# Counts what the media path costs and holds it against what is promised: instructions with plugins, of single steps and among many
# rooms and viewers, what a packet could wait for, and what entities hold. Nothing is timed here.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release --locked -p sfu-benches --bins
failed=
# gate NAME ARGUMENTS…: one program, whose failure keeps no other from running.
gate() {
    echo "-- $*"
    cargo run --quiet --release --locked -p sfu-benches --bin "$1" -- "${@:2}" || failed="$failed $1"
}
gate instructions --check
gate micro count --check
gate growth --check
gate locks --check
gate memory --check
[[ -z $failed ]] || { echo "failed:$failed" >&2 && exit 1; }
