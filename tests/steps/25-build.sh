#!/usr/bin/env bash
# All tests are built.
source "$(dirname "$0")/lib.sh"

# Always the whole workspace: another choice of packages would build dependencies anew, with other features.
check "tests" cargo test --locked --workspace --no-run
exit 0
