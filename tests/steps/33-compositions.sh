#!/usr/bin/env bash
# A worker of no plugin, and of each plugin and signaling crate alone: it starts, takes the configuration in the README, and forwards.
# LONG: each composition once more with nothing but its own dependencies, and each crate's own tests by itself
# BESIDE
source "$(dirname "$0")/lib.sh"

# Before generated workers are built: they are workspaces of their own in the same folder, and each change between the two costs a
# build of the engine.
# Features as the manifest has them; that the tests know all of them is tested.
mapfile -t features < <(sed -n '/^\[features\]/,/^\[dep/s/^\([a-z][a-z-]*\) = \["dep:.*/\1/p' bins/sfu-worker/Cargo.toml)
check "features in the manifest" test "${#features[@]}" -ge 11

# compositions COMMAND…: the tests of the worker in each composition. That of all runs with the tests of crates.
compositions() {
    local feature failed=0
    for feature in "" "${features[@]}"; do
        printf '\ncomposition: %s\n' "${feature:-none}"
        "$@" --no-default-features --features "${feature:+sfu-worker/$feature}" --bin sfu-worker || failed=1
    done
    return "$failed"
}

# In the whole workspace, so that all that a worker is built of is there; here that alone is looked at.
check_tests "compositions" compositions cargo test --locked --workspace
if is_long; then
    # Nobody else's features, such as a client in hyper, are there by chance.
    check_tests "compositions by themselves" compositions cargo test --locked --package sfu-worker
    by_themselves() {
        local manifest failed=0
        for manifest in sfu-core/counting-allocator/Cargo.toml sfu-plugins/*/Cargo.toml sfu-plugins/signaling/{admin,mediasoup,whip}/Cargo.toml; do
            cargo test --locked --package "$(sed -n '0,/^name = /s/^name = "\(.*\)"/\1/p' "$manifest")" --no-fail-fast || failed=1
        done
        return "$failed"
    }
    check_tests "crates by themselves" by_themselves
fi
exit 0
