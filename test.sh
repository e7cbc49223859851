#!/usr/bin/env bash
# Installs what the tests need and runs them all, step by step:
#
#   ./test.sh                  every behaviour once
#   ./test.sh --long           also repetitions, soaks and what takes long to install
#   ./test.sh system style     these steps alone (see --list)
#   ./test.sh --list           the steps
#
# A step is a file in tests/steps. What can't run is skipped aloud; the exit code is 0 only if nothing failed.
set -uo pipefail
cd "$(dirname "$0")"

steps=(tests/steps/[0-9]*.sh)
wanted=()
for argument in "$@"; do
    case "$argument" in
        --long) export SFU_TEST_LONG=1 ;;
        --list)
            for step in "${steps[@]}"; do
                name=$(basename "$step" .sh)
                printf '%-14s %s\n' "${name#*-}" "$(sed -n '2s/^# //p' "$step")"
            done
            exit 0
            ;;
        --*)
            echo "test.sh: $argument is unknown; there are --long and --list" >&2
            exit 2
            ;;
        *) wanted+=("$argument") ;;
    esac
done
for name in "${wanted[@]}"; do
    if ! compgen -G "tests/steps/[0-9]*-$name.sh" >/dev/null; then
        echo "test.sh: there is no step $name; see ./test.sh --list" >&2
        exit 2
    fi
done

export SFU_TEST_ROOT=$PWD
export SFU_TEST_TOOLS=${SFU_TEST_TOOLS:-$PWD/target/tools}
export PATH="$SFU_TEST_TOOLS/node/node_modules/.bin:$SFU_TEST_TOOLS/bin:$PATH:/usr/sbin:/sbin"
export CARGO_TERM_COLOR=never
# As .cargo/config.toml has it, for crates that are built elsewhere in the same folder.
export AWS_LC_SYS_NO_JITTER_ENTROPY=1
# Who builds once is spared what later builds and debuggers profit from.
if [[ -n ${CI:-} ]]; then
    export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_RELEASE_DEBUG=0
fi
SFU_TEST_RESULTS=$(mktemp -d)
export SFU_TEST_RESULTS
beside=
trap '[[ -z $beside ]] || kill -- "-$beside" 2>/dev/null; rm -rf "$SFU_TEST_RESULTS"' EXIT
started=$SECONDS

run_step() {
    local step=$1 name status
    name=$(basename "$step" .sh)
    name=${name#*-}
    printf '\n===== %s: %s\n' "$name" "$(sed -n '2s/^# //p' "$step")"
    SFU_TEST_STEP=$name bash "$step"
    status=$?
    if ((status)); then
        # A step reports its own failures; this one broke off.
        printf '%s\t%s\t0\t1\t0\t0\tended with %s\n' "$name" "the step itself" "$status" >>"$SFU_TEST_RESULTS/table"
    fi
}
export -f run_step

# Steps that only compute run beside those that mostly wait, with the time that these leave: in the idle class, and in a scheduling
# group of their own with next to no weight, because classes count only within a group (sched(7), "The autogroup feature"). The first
# of them builds for release, into a folder of its own: so whoever runs meanwhile doesn't wait for cargo's lock.
start_beside() {
    setsid bash -c '
        { echo 19 >/proc/self/autogroup; chrt --idle --pid 0 $$; } 2>/dev/null
        for step in "$@"; do run_step "$step"; done
    ' beside "$@" >"$SFU_TEST_RESULTS/beside" 2>&1 </dev/null &
    beside=$!
}

# What is left of them has the machine for itself.
finish_beside() {
    echo 0 2>/dev/null >"/proc/$beside/autogroup"
    tail --lines=+1 --follow --pid="$beside" "$SFU_TEST_RESULTS/beside"
    wait "$beside"
    beside=
}

mapfile -t aside < <(grep -l '^# BESIDE$' "${steps[@]}")
for step in "${steps[@]}"; do
    name=$(basename "$step" .sh)
    name=${name#*-}
    if ((${#wanted[@]})); then
        [[ " ${wanted[*]} " != *" $name "* ]] || run_step "$step"
        continue
    fi
    if grep -q '^# BESIDE$' "$step"; then
        [[ -n $beside ]] || start_beside "${aside[@]}"
        continue
    fi
    if [[ -n $beside ]] && grep -q '^# ALONE$' "$step"; then
        finish_beside
    fi
    run_step "$step"
done
[[ -z $beside ]] || finish_beside

printf '\n===== results\n'
touch "$SFU_TEST_RESULTS/table"
awk -F '\t' '
    BEGIN { printf "%-10s %-34s %7s %7s %8s %8s\n", "step", "what", "passed", "failed", "skipped", "seconds" }
    { printf "%-10s %-34s %7d %7d %8d %8d  %s\n", $1, $2, $3, $4, $5, $6, $7 }
' "$SFU_TEST_RESULTS/table"
for kind in failed skipped; do
    if [[ -s $SFU_TEST_RESULTS/$kind ]]; then
        printf '\n%s:\n' "$kind"
        sort -u "$SFU_TEST_RESULTS/$kind" | sed 's/^/  /'
    fi
done
if [[ -z ${SFU_TEST_LONG:-} ]]; then
    printf '\nleft out here, done by --long:\n'
    grep -h '^# LONG: ' "${steps[@]}" | sed 's/^# LONG: /  /'
fi
printf '\ntook %d min %d s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60))
awk -F '\t' '
    { passed += $3; failed += $4; skipped += $5 }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || passed == 0
    }
' "$SFU_TEST_RESULTS/table"
