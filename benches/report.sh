#!/usr/bin/env bash
# Measures what BENCHMARKS.md shows and writes its tables, between the marks that name them:
#
#   benches/report.sh counted   instructions, locks, bytes: the same at any load of the machine; some three minutes
#   benches/report.sh timed     times, each beside what it is compared with; wants a machine with nothing else to do; some ten minutes
#
# Needs valgrind for what is counted. A table that could not be made is left as it was, and the exit code says so.
set -euo pipefail
cd "$(dirname "$0")/.."
page=BENCHMARKS.md target=${CARGO_TARGET_DIR:-target}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

case "${1:-}" in
    counted | timed) kind=$1 ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d' >&2
        exit 2
        ;;
esac

failed=
# table NAME COMMAND…: what a command prints becomes the table of that name.
table() {
    local name=$1
    shift
    echo "-- $name: $*" >&2
    if "$@" >"$made/$name"; then
        NAME=$name perl -0pi -e '
            BEGIN { local (@ARGV, $/) = "'"$made/$name"'"; $table = <> }
            s/(<!-- $ENV{NAME} -->\n).*?(<!-- end -->)/$1\n$table\n$2/s or die "report.sh: no marks for $ENV{NAME}\n"
        ' "$page" || failed=1
    else
        echo "report.sh: $name failed" >&2
        failed=1
    fi
}

bench() {
    local name=$1
    shift
    cargo run --quiet --release --locked -p sfu-benches --bin "$name" -- "$@"
}

load() {
    cargo run --quiet --release --locked -p sfu-load -- "$@" --worker "$target/release/sfu-worker"
}

# What it ran on.
machine() {
    local model
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
    printf '%s, %s cores, Linux %s, %s; %s\n' "$model" "$(nproc)" "$(uname -r | cut -d- -f1)" "$(rustc --version | cut -d' ' -f1-2)" "$(date +%F)"
}

# What a command of the load tool says, as it says it.
quoted() {
    printf '```\n'
    "$@" | sed 's/[[:space:]]*$//'
    printf '```\n'
}

cargo build --quiet --release --locked -p sfu-benches -p sfu-load -p sfu-worker
table "$kind-on" machine
if [[ $kind == counted ]]; then
    table instructions bench instructions
    table steps-counted bench micro count
    table growth bench growth
    table locks quoted bench locks
    table memory bench memory
else
    table steps bench micro
    table growth-time bench growth time 7
    table fanout quoted load fanout
    table fanout-single quoted load fanout --single
    table idle quoted load idle
fi
[[ -z $failed ]]
