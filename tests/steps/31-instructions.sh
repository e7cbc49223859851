#!/usr/bin/env bash
# The release build; what a packet costs: instructions counted by callgrind, what it could wait for, bytes.
# LONG: that one hook in five forms (type, object, C ABI, Lua twice) builds and counts alike
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
if is_long; then
    # A workspace of its own, because of the Lua interpreter.
    check "forms of a hook" cargo run --release --locked --manifest-path benches/hook-forms/Cargo.toml --target-dir target/hook-forms
fi
exit 0
