#!/usr/bin/env bash
# A hundred thousand damaged inputs of each kind (STUN, DTLS, RTP, RTCP, SDP, HTTP), and people who come and go past every plugin.
# LONG: three times the damaged input, eight times the people who come and go
# BESIDE
source "$(dirname "$0")/lib.sh"

storms=(--locked --workspace --test hostile --test hostile_http)
people=(--locked --workspace --test every_plugin)
# Each storm takes one core and measures the memory of its own process.
storms() {
    cargo test "${storms[@]}" --test every_plugin --no-run &&
        side_by_side "cargo test ${storms[*]} -- a_bare_worker && cargo test ${people[*]}" \
            "cargo test ${storms[*]} -- a_worker_with_every_plugin"
}

check_tests "storms" storms
exit 0
