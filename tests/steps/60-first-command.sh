#!/usr/bin/env bash
# `cargo run --release`, with nothing configured: it prints its URL, serves the page and ends when told to.
# ALONE
source "$(dirname "$0")/lib.sh"

# Starts the release build in an empty folder, in a network of its own where port 8080 is free, and looks at it as a browser would.
first_command() {
    local folder manifest=$PWD/Cargo.toml network=()
    ((EUID == 0)) && network=(unshare --net bash "$PWD/tests/steps/with-network.sh")
    folder=$(mktemp -d)
    "${network[@]}" bash -euc '
        cd "$1"
        cargo run --release --locked --manifest-path "$2" >out 2>&1 &
        for _ in $(seq 600); do
            grep -q "http://127.0.0.1:8080" out && break
            kill -0 $! || break
            sleep 0.1
        done
        cat out
        curl --silent --show-error --fail http://127.0.0.1:8080/ | grep -i "<title>"
        curl --silent --show-error --fail http://127.0.0.1:8080/streams
        pid=$(pgrep --parent $!) || pid=$!
        kill -TERM "$pid"
        wait $!
    ' first-command "$folder" "$manifest"
    local status=$?
    rm -rf "$folder"
    return $status
}

check "release build" cargo build --release --locked
check "cargo run --release" first_command
exit 0
