# What steps share: how a check is run, counted and reported. Sourced, never run.
set -uo pipefail
cd "${SFU_TEST_ROOT:?run ./test.sh instead}" || exit 1

say() {
    printf '\n-- %s\n' "$*"
}

# record WHAT PASSED FAILED SKIPPED SECONDS [NOTE]
record() {
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$SFU_TEST_STEP" "$1" "$2" "$3" "$4" "$5" "${6:-}" >>"$SFU_TEST_RESULTS/table"
}

# skip WHAT REASON
skip() {
    echo "skipped: $1: $2"
    echo "$1: $2" >>"$SFU_TEST_RESULTS/skipped"
    record "$1" 0 0 1 0
}

# check WHAT COMMAND…: one check, passed if the command succeeds.
check() {
    local what=$1 begun=$SECONDS
    shift
    say "$what: $*"
    if "$@"; then
        record "$what" 1 0 0 $((SECONDS - begun))
    else
        echo "failed: $what"
        echo "$what: $*" >>"$SFU_TEST_RESULTS/failed"
        record "$what" 0 1 0 $((SECONDS - begun))
    fi
}

# check_tests WHAT COMMAND…: a command that runs Rust tests; each counts. A test that writes `skipped: ` did not pass.
check_tests() {
    local what=$1 begun=$SECONDS log=$SFU_TEST_RESULTS/$SFU_TEST_STEP.log skips=$SFU_TEST_RESULTS/$SFU_TEST_STEP.skips
    local status passed failed ignored skipped note=
    shift
    say "$what: $*"
    : >"$skips"
    SFU_TEST_SKIPS=$skips "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    read -r passed failed ignored < <(awk '
        /^test result: / { passed += $4; failed += $6; ignored += $8 }
        END { print passed + 0, failed + 0, ignored + 0 }
    ' "$log")
    # Tests name their skips in a file, scripts around them on a line of their own.
    grep '^skipped: ' "$log" | sort -u - "$skips" >"$skips.all"
    skipped=$(wc -l <"$skips.all")
    sed 's/^skipped: //' "$skips.all" >>"$SFU_TEST_RESULTS/skipped"
    grep -E '^test .* \.\.\. ignored' "$log" >>"$SFU_TEST_RESULTS/skipped"
    # Of the skipped ones, those that are tests were counted as passed; a test may lack several things.
    passed=$((passed - $(sed 's/^skipped: \([^ ]*\): .*/\1/' "$skips" | sort -u | wc -l)))
    skipped=$((skipped + ignored))
    # With the output of a test between its name and its result, the list at the end is what is sure.
    awk '/^failures:$/ { list = 1; next } /^test result/ { list = 0 } list && /^    [a-zA-Z0-9_:]+$/ { print "'"$what"': " $1 }' \
        "$log" >>"$SFU_TEST_RESULTS/failed"
    if ((status && !failed)); then
        failed=1 note="did not build, or broke off"
        echo "$what: $note" >>"$SFU_TEST_RESULTS/failed"
    elif ((!passed && !failed && !skipped)); then
        failed=1 note="no test ran"
        echo "$what: $note" >>"$SFU_TEST_RESULTS/failed"
    fi
    record "$what" "$passed" "$failed" "$skipped" $((SECONDS - begun)) "$note"
}

# side_by_side COMMAND…: runs shell commands at the same time, prints what each said when all are done; fails if one did.
side_by_side() {
    local folder status=0 index
    local -a running=()
    folder=$(mktemp -d)
    for ((index = 1; index <= $#; index++)); do
        bash -c "${!index}" >"$folder/$index" 2>&1 &
        running+=($!)
    done
    for index in "${!running[@]}"; do
        wait "${running[index]}" || status=1
        printf '\n%s\n' "${@:index+1:1}"
        cat "$folder/$((index + 1))"
    done
    rm -rf "$folder"
    return $status
}

# The worker with every plugin, and the load tool. Together with a test, because that gives its dependencies the features that they have in tests: alone
# they would be built once more.
build_worker() {
    cargo build --locked --workspace --bin sfu-worker --bin sfu-load --test system
}

have() {
    command -v "$1" >/dev/null 2>&1
}

is_long() {
    [[ -n ${SFU_TEST_LONG:-} ]]
}
