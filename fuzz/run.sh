#!/usr/bin/env bash
# Fuzzes each target for some seconds with the coverage of libFuzzer, on the toolchain that is there:
#
#   fuzz/run.sh [SECONDS [TARGET…]]
#
# What cargo-fuzz adds on a nightly toolchain is the address sanitizer; the code under test has no `unsafe`.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-10}
targets=("${@:2}")
((${#targets[@]})) || mapfile -t targets < <(basename --suffix .rs fuzz_targets/*.rs)

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-../target/fuzz} CARGO_PROFILE_RELEASE_LTO=off
cargo run --quiet --release --locked --bin seeds
level=-Cllvm-args=-sanitizer-coverage-level=4
counters=-Cllvm-args=-sanitizer-coverage-inline-8bit-counters
export RUSTFLAGS="-Cpasses=sancov-module $level $counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
# With a target named, flags are not for build scripts and macros.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --target "$host" "${targets[@]/#/--bin=}"
for target in "${targets[@]}"; do
    printf '\n%s: %s s\n' "$target" "$seconds"
    mkdir -p "artifacts/$target"
    limit=4096
    [[ $target != sdp && $target != mjr ]] || limit=65536
    "$CARGO_TARGET_DIR/$host/release/$target" -max_total_time="$seconds" -max_len="$limit" -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=0 -verbosity=0 "corpus/$target"
done
