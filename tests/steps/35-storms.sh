#!/usr/bin/env bash
# A hundred thousand damaged inputs of each kind (STUN, DTLS, RTP, RTCP, SDP, HTTP), and people who come and go past every plugin.
# LONG: three times the damaged input, eight times the people who come and go
# BESIDE
source "$(dirname "$0")/lib.sh"

test="cargo test --locked --workspace"
damage="--test hostile --test hostile_http"
people="--test every_plugin"
# Each storm takes one core and measures the memory of its own process.
storms() {
    # shellcheck disable=SC2086 # each is several words
    $test $damage $people --no-run &&
        side_by_side "$test $damage -- a_bare_worker && $test $people" "$test $damage -- a_worker_with_every_plugin"
}

check_tests "storms" storms
exit 0
