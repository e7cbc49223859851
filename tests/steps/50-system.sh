#!/usr/bin/env bash
# A real worker with browsers, foreign stacks, loss, recordings, and under the mediasoup library.
# LONG: calls of five minutes, a mediasoup server that stands still for half a minute, every size and kind of data channel with
# LONG: three stacks, and all of it once more against the release build
source "$(dirname "$0")/lib.sh"

run=()
# Firefox finds no candidate where there is nothing but 127.0.0.1, so it gets a network of its own there.
if [[ -z $(ip -o addr show up scope global 2>/dev/null) ]]; then
    if ((EUID == 0)); then
        echo "this machine has loopback alone: system tests run in a network namespace"
        run=(unshare --net bash tests/steps/with-network.sh)
    else
        echo "this machine has loopback alone and this is not root: expect Firefox to fail"
    fi
fi

system() {
    # Two at a time: most of a call is waiting, and two cores hold two of them.
    "${run[@]}" cargo test --locked --workspace --test system -- --test-threads=2
}

check "worker" build_worker
check_tests "system" system
if is_long; then
    check "release worker" cargo build --locked --release -p sfu-worker
    SFU_WORKER=${CARGO_TARGET_DIR:-$PWD/target}/release/sfu-worker check_tests "system, release build" system
fi
exit 0
