#!/usr/bin/env bash
# What a worker costs to build, and how large it is:
#
#   benches/builds.sh rebuild [SECONDS]   a generated worker with everything, built for debugging once more after a change of main.rs;
#                                         fails where that takes more than SECONDS
#   benches/builds.sh sizes [all]         release workers with no plugin and with all (and each alone), stripped
#
# Needs cargo-generate (`./test.sh tools`) for the first.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
PATH=$target/tools/bin:$PATH

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}

rebuild() {
    local limit=${1:-} folder plugins best=0 begun took
    folder=$(mktemp -d)
    # shellcheck disable=SC2064 # this folder, whatever the name means later
    trap "rm -rf '$folder'" EXIT
    plugins=$(sed -n '/^\[placeholders.plugins\]/,/^default/s/^choices = \[\(.*\)\]/\1/p' templates/worker/cargo-generate.toml | tr -d '" ')
    cargo-generate generate --silent --vcs none --name rebuilt-worker --path templates/worker --destination "$folder" \
        --define plugins="$plugins" --define signaling=mediasoup,whip,admin --define own_plugin=true --define sfu_source="$root" >/dev/null
    cp Cargo.lock "$folder/rebuilt-worker/"
    cd "$folder/rebuilt-worker"
    # As users build: CI spares itself both.
    unset CARGO_INCREMENTAL CARGO_PROFILE_DEV_DEBUG
    cargo build --quiet --offline
    for _ in 1 2 3 4; do
        echo "// $RANDOM" >>src/main.rs
        begun=$(milliseconds)
        cargo build --quiet --offline
        took=$(($(milliseconds) - begun))
        ((best && best < took)) || best=$took
    done
    echo "a generated worker with every plugin, built again after a change of main.rs: $best ms at the best of four"
    [[ -z $limit ]] || ((best <= limit * 1000)) || {
        echo "more than $limit s" >&2
        return 1
    }
}

# size NAME FEATURES
size() {
    cargo build --quiet --release --locked --package sfu-worker --no-default-features --features "$2"
    strip -o "$target/release/sfu-worker.stripped" "$target/release/sfu-worker"
    printf '%-24s %6d KB\n' "$1" $(($(stat -c %s "$target/release/sfu-worker.stripped") / 1000))
}

sizes() {
    local feature features
    mapfile -t features < <(sed -n '/^\[features\]/,/^\[dep/s/^\([a-z][a-z-]*\) = \["dep:.*/\1/p' bins/sfu-worker/Cargo.toml)
    size "nothing" ""
    if [[ ${1:-} == all ]]; then
        for feature in "${features[@]}"; do
            size "$feature alone" "$feature"
        done
    fi
    size "everything" "$(IFS=,; echo "${features[*]}")"
    rm -f "$target/release/sfu-worker.stripped"
}

case ${1:-} in
    rebuild | sizes) "$@" ;;
    *)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
esac
