#!/usr/bin/env bash
# The release build; instructions per packet and hook, counted by callgrind.
# BESIDE
source "$(dirname "$0")/lib.sh"

check "release build" cargo build --release --locked
if ! have valgrind; then
    skip "instruction counts" "valgrind is not installed"
elif [[ -f benches/check.sh ]]; then
    check "instruction counts" bash benches/check.sh
else
    check "instruction counts" test -f benches/check.sh
fi
exit 0
