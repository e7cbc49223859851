#!/usr/bin/env bash
# The tests of mediasoup's own Node package, unmodified, with our worker in place of its own.
# LONG: five runs in a row of mediasoup's own tests
source "$(dirname "$0")/lib.sh"

# The package leaves out the certificate that its tests name.
certificate() {
    local folder=tests/mediasoup-suite/node_modules/mediasoup/node/lib/test/data
    mkdir -p "$folder"
    [[ -s $folder/dtls-cert.pem ]] && return
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=mediasoup \
        -keyout "$folder/dtls-key.pem" -out "$folder/dtls-cert.pem"
}

# suite WHAT [THREADS]: runs the suite, and counts its tests one by one. With several threads every room is on all of them.
suite() {
    local what=$1 threads=${2:-1} begun=$SECONDS report=$SFU_TEST_RESULTS/mediasoup.json counts
    say "$what"
    # What a run before left would count again.
    rm -f "$report"
    (
        cd tests/mediasoup-suite &&
            MEDIASOUP_WORKER_BIN=$SFU_TEST_ROOT/target/debug/sfu-worker SFU_MEDIA_THREADS=$threads SFU_SPREAD_AT=1 \
                node node_modules/jest/bin/jest.js --maxWorkers=1 --json --outputFile="$report"
    )
    if [[ ! -s $report ]]; then
        echo "$what: jest did not run" >>"$SFU_TEST_RESULTS/failed"
        record "$what" 0 1 0 $((SECONDS - begun)) "jest did not run"
        return
    fi
    node -e '
        const report = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const tests = report.testResults.flatMap(file => file.assertionResults);
        for (const test of tests.filter(test => test.status === "failed")) {
            console.log(`mediasoup: ${test.fullName}`);
        }
        // A file that does not even load has no tests.
        for (const file of report.testResults.filter(file => !file.assertionResults.length)) {
            console.log(`mediasoup: ${file.name} does not load`);
        }
    ' "$report" >"$SFU_TEST_RESULTS/mediasoup-failed"
    cat "$SFU_TEST_RESULTS/mediasoup-failed" >>"$SFU_TEST_RESULTS/failed"
    counts=$(node -p '
        const report = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const skipped = report.numPendingTests + report.numTodoTests;
        `${report.numPassedTests} ${report.numFailedTests + report.numRuntimeErrorTestSuites} ${skipped}`
    ' "$report")
    # shellcheck disable=SC2086 # three numbers
    record "$what" $counts $((SECONDS - begun))
}

check "worker" build_worker
check "certificate" certificate
suite "mediasoup's own tests"
suite "mediasoup's own tests, two media threads" 2
if is_long; then
    for run in 2 3 4 5; do
        suite "mediasoup's own tests, run $run"
    done
fi
exit 0
