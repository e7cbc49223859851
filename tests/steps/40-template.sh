#!/usr/bin/env bash
# A worker generated from the template builds, runs and counts.
source "$(dirname "$0")/lib.sh"

check_tests "template" sh templates/check.sh
exit 0
