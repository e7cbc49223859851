#!/bin/sh
# Renders bins/example-worker anew from templates/worker. Its tests compare the two.
#
# Needs cargo-generate in target/tools/bin, where `./test.sh tools` installs it, or in PATH.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/bin:$PATH"
export PATH
command -v cargo-generate >/dev/null || {
    echo "cargo-generate is missing: ./test.sh tools installs it" >&2
    exit 1
}
rendered="$(mktemp -d)"
trap 'rm -rf "$rendered"' EXIT
cargo-generate generate --path templates/worker --destination "$rendered" --name example-worker --silent --vcs none \
    --define plugins=recorder --define signaling=mediasoup,whip,admin --define own_plugin=true \
    --define sfu_source=../.. --define workspace_member=true >/dev/null
# What the template no longer has goes; the tests are this repository's own.
find bins/example-worker -mindepth 1 -maxdepth 1 ! -name tests -exec rm -rf {} +
cp -R "$rendered/example-worker/." bins/example-worker/
