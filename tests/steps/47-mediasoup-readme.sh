#!/usr/bin/env bash
# What the README says under "Use it with mediasoup", command by command, on a small mediasoup server.
source "$(dirname "$0")/lib.sh"

check "worker" build_worker
check "use it with mediasoup" node tests/mediasoup/readme.mjs "${CARGO_TARGET_DIR:-$SFU_TEST_ROOT/target}/debug/sfu-worker"
exit 0
