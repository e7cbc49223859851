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

# again WHAT COMMAND…: builds four times, each after COMMAND; the best of them in `best`, in milliseconds.
again() {
    local what=$1 took seconds work TIMEFORMAT='%R %U %S'
    shift
    best=
    for _ in 1 2 3 4; do
        "$@"
        took=$({ time cargo build --quiet --offline; } 2>&1)
        read -r seconds work < <(awk '{ print $1 * 1000, ($2 + $3) * 1000 }' <<<"$took")
        if [[ -z $best ]] || ((seconds < best)); then
            best=$seconds cpu=$work
        fi
    done
    echo "$what: $best ms at the best of four, $cpu ms of a processor"
}

rebuild() {
    local limit=${1:-} folder plugins best cpu slowest
    # In here, so that it is built by the same toolchain.
    folder=$(mktemp -d -p "$target")
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
    again "after main.rs was touched" touch src/main.rs
    slowest=$best
    again "after its own plugin's hook was changed" sed -i 's/\*packets += 1;/*packets += 1; self.total += 0;/' src/my_plugin.rs
    ((best < slowest)) || slowest=$best
    [[ -z $limit ]] || ((slowest <= limit * 1000)) || {
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
