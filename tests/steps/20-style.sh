#!/usr/bin/env bash
# Formatting, lints, and the licences and sources of dependencies.
source "$(dirname "$0")/lib.sh"

check "rustfmt" cargo fmt --all --check
check "clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
check "licences, bans, sources" cargo deny --all-features check bans licenses sources
# The database of advisories lies in a place that not every machine reaches.
if timeout 60 cargo deny --all-features fetch db >/dev/null 2>&1; then
    check "advisories" cargo deny --all-features check advisories
else
    skip "advisories" "their database can't be reached from here"
fi
exit 0
