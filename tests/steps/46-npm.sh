#!/usr/bin/env bash
# The npm package for users of mediasoup: its own tests against our worker, and installed from its tarball in an empty folder.
source "$(dirname "$0")/lib.sh"

worker=${CARGO_TARGET_DIR:-$SFU_TEST_ROOT/target}/debug/sfu-worker

# Runs the package's tests, and counts them one by one.
package_tests() {
    local begun=$SECONDS report=$SFU_TEST_RESULTS/npm.tap status passed failed skipped note=
    say "npm package"
    (
        cd bins/npm &&
            SFUKIT_WORKER_BIN=$worker node --test --test-timeout=120000 \
                --test-reporter=spec --test-reporter-destination=stdout \
                --test-reporter=tap --test-reporter-destination="$report" 'test/*.test.js'
    )
    status=$?
    touch "$report"
    # At the end of the report: `# pass 3`; a file that breaks off is a failure, too.
    count() { awk -v kind="$1" '$1 == "#" && $2 == kind { n = $3 } END { print n + 0 }' "$report"; }
    passed=$(count pass) skipped=$(count skipped) failed=$(($(count fail) + $(count cancelled)))
    sed -n 's/^ *not ok [0-9]* - /npm package: /p' "$report" >>"$SFU_TEST_RESULTS/failed"
    sed -n 's/^ *ok [0-9]* - \(.*\) # SKIP */npm package: \1: /p' "$report" >>"$SFU_TEST_RESULTS/skipped"
    if ((!failed && (status || !passed))); then
        failed=1 note="broke off, or no test ran"
        echo "npm package: $note" >>"$SFU_TEST_RESULTS/failed"
    fi
    record "npm package" "$passed" "$failed" "$skipped" $((SECONDS - begun)) "$note"
}

check "worker" build_worker
# Its script would download or build the C++ worker, which nobody starts.
check "npm packages" npm ci --prefix bins/npm --ignore-scripts --no-fund --no-audit
package_tests
check "installed from its tarball" bash bins/npm/test/install.sh "$worker"
exit 0
