#!/usr/bin/env bash
# How long a user's worker takes to build again after a change; how large workers are.
# LONG: a generated worker is built again within 3 s, and the sizes of release workers
# ALONE
source "$(dirname "$0")/lib.sh"

is_long || exit 0
check "building again" bash benches/builds.sh rebuild 3
check "sizes" bash benches/builds.sh sizes
exit 0
