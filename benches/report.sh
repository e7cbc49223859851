#!/usr/bin/env bash
# Measures what BENCHMARKS.md shows and writes its tables, between the marks that name them:
#
#   benches/report.sh counted   instructions, locks, bytes: the same at any load of the machine; some three minutes
#   benches/report.sh timed     times, each beside what it is compared with; wants a machine with nothing else to do; some ten minutes
#   benches/report.sh calls     whole calls, each beside the floor; one to 2000; overload; likewise; some twenty minutes
#   benches/report.sh janus     the same calls through Debian's Janus, by turns; some ten minutes
#
# Needs valgrind for what is counted, janus and iproute2 for Janus. A table that could not be made is left as it was, and the exit code says so.
set -euo pipefail
cd "$(dirname "$0")/.."
page=BENCHMARKS.md target=${CARGO_TARGET_DIR:-target}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

case "${1:-}" in
    counted | timed | calls | janus) kind=$1 ;;
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

# row TITLE ARGUMENTS…: one line of a table from one measurement of the load tool.
row() {
    local title=$1
    shift
    echo "   $title" >&2
    "$target/release/sfu-load" "$@" --json | TITLE=$title perl -MJSON::PP -e '
        local $/; my $report = decode_json(<STDIN>);
        my ($worker, $floor) = @$report{"worker_nanos", "floor_nanos"};
        my $spread = sub { my ($s, $form) = @_; $s ? sprintf("$form ($form – $form)", @$s{"median", "low", "high"}) : "–" };
        printf "| %s | %.0f | %s | %s | %s | %.3f %% | %.0f | %.0f / %.0f |\n", $ENV{TITLE}, $report->{packets_per_second},
            $spread->($worker, "%.0f"), $spread->($floor, "%.0f"), $report->{ratio} ? sprintf("%.2f", $report->{ratio}) : "–",
            $report->{loss} * 100, ($report->{memory_per_peer} // 0) / 1000, @{$report->{latency_micros}}{"p50", "p99"};
    '
}

head_of_rows() {
    echo '| call | packets/s to viewers | worker, ns a packet | floor | ratio | lost | kB a peer | p50 / p99, µs |'
    echo '|---|---:|---:|---:|---:|---:|---:|---:|'
}

# Of the system, or as the tests unpacked it.
janus=$(command -v janus || echo "${SFU_TEST_TOOLS:-target/tools}/janus/usr/bin/janus")
common=(--pin --seconds 2)
ours=(--worker "$target/release/sfu-worker" "${common[@]}")

calls() {
    head_of_rows
    local viewers
    for viewers in 1 10 50 200; do
        row "1 → $viewers, frames of 10" broadcast "${ours[@]}" --viewers $viewers --rate $((viewers > 50 ? 30 : 100))
    done
    row "1 → 50, no SRTP" broadcast "${ours[@]}" --rate 100 --srtp off
    row "1 → 50, AES-CM" broadcast "${ours[@]}" --rate 100 --srtp cm80
    row "1 → 50, WebRTC" broadcast "${ours[@]}" --rate 100 --transport webrtc
    row "1 → 50, paced 1.5 Mbit/s" broadcast "${ours[@]}" --content paced
    row "1 → 50, paced, read singly" broadcast "${ours[@]}" --content paced --single
    row "1 → 50, three layers" broadcast "${ours[@]}" --content layers --transport webrtc --feedback
    row "room of 10, video" conference "${ours[@]}" --participants 10 --media video
    row "room of 50, video of 300 kbit/s" conference "${ours[@]}" --participants 50 --media video --bitrate 300
    row "room of 100, audio" conference "${ours[@]}" --participants 100 --media audio
    row "room of 10, video and audio, mixed" conference "${ours[@]}" --participants 10 --media both --transport mixed
}

# Each call through the worker, then through Janus.
janus_beside() {
    head_of_rows
    local name=(--worker "$janus" --signaling janus "${common[@]}")
    row "sfu-worker, WebRTC viewers" broadcast "${ours[@]}" --rate 50 --transport webrtc
    row "Janus, WebRTC viewers" broadcast "${name[@]}" --rate 50 --transport webrtc
    row "sfu-worker, WebRTC viewers, paced" broadcast "${ours[@]}" --content paced --transport webrtc
    row "Janus, WebRTC viewers, paced" broadcast "${name[@]}" --content paced --transport webrtc
    row "sfu-worker, plain RTP, AES-CM" broadcast "${ours[@]}" --rate 50 --srtp cm80
    row "Janus, forwarders of RTP, AES-CM" broadcast "${name[@]}" --rate 50 --srtp cm80
    row "sfu-worker, plain RTP, no SRTP" broadcast "${ours[@]}" --rate 50 --srtp off
    row "Janus, forwarders of RTP, no SRTP" broadcast "${name[@]}" --rate 50 --srtp off
}

# Janus wants an address that is not loopback; a network of its own has one.
own_network() {
    export -f "$1" row head_of_rows
    export target janus
    unshare --net bash tests/steps/with-network.sh bash -c "set -euo pipefail; $(declare -p common ours); $1"
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
elif [[ $kind == calls ]]; then
    table calls calls
    table latency quoted load broadcast --viewers 50 --load 30 --rounds 7 "${common[@]}"
    table viewers quoted load broadcast --worker-arg=--workers=2 --signaling whip --transport webrtc --viewers 2000 \
        --content paced --ramp --rounds 3 --seconds 3
    table overload quoted load overload
elif [[ $kind == janus ]]; then
    table janus own_network janus_beside
else
    table steps bench micro
    table growth-time bench growth time 7
    table fanout quoted load fanout
    table fanout-single quoted load fanout --single
    table idle quoted load idle --transports 10000
    table idle-viewers quoted load broadcast --viewers 1000 --transport webrtc --feedback --speed 0.0001 --no-floor --seconds 5 \
        --rounds 3
fi
[[ -z $failed ]]
