#!/usr/bin/env bash
# The public API of sfu-core against the last release: what others' plugins use breaks only where the version says so.
# LONG: the public API against the last release, by cargo-semver-checks
# BESIDE
source "$(dirname "$0")/lib.sh"

# A plugin against the first API is built and tested with all crates (tests/first-api-plugin); this looks at every item.
is_long || exit 0
since=${SFU_API_SINCE:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null)}
if [[ -z $since ]]; then
    skip "public API" "there is no release yet; SFU_API_SINCE=<revision> compares with another one"
elif ! have cargo-semver-checks; then
    skip "public API" "missing: cargo install cargo-semver-checks --version 0.51.0 --locked"
else
    check "public API since $since" cargo semver-checks --package sfu-core --baseline-rev "$since"
fi
exit 0
