#!/bin/sh
# Checks the templates: that bins/example-worker is what templates/worker renders, and that a generated worker builds,
# runs and counts. `--render` renders bins/example-worker anew instead.
#
# Needs cargo-generate in target/tools/bin or in PATH; without it what needs it is skipped, and says so.
set -eu
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
PATH="$PWD/target/tools/bin:$PATH"
case "$target" in /*) PATH="$target/tools/bin:$PATH" ;; esac
export PATH

case "${1:-}" in
--render)
    command -v cargo-generate >/dev/null || {
        echo "cargo-generate is missing: cargo install cargo-generate --version 0.23.7 --locked --root target/tools" >&2
        exit 1
    }
    rendered="$(mktemp -d)"
    trap 'rm -rf "$rendered"' EXIT
    cargo-generate generate --path templates/worker --destination "$rendered" --name example-worker --silent --vcs none \
        --define plugins=recorder --define signaling=whip,admin --define own_plugin=true \
        --define sfu_source=../.. --define workspace_member=true >/dev/null
    # What the template no longer has goes; the tests are this repository's own.
    find bins/example-worker -mindepth 1 -maxdepth 1 ! -name tests -exec rm -rf {} +
    cp -R "$rendered/example-worker/." bins/example-worker/
    ;;
"")
    # One line says what was left out, also where the harness keeps the output of passed tests to itself.
    command -v cargo-generate >/dev/null || echo "skipped: cargo-generate is missing, the template is not rendered"
    cargo test -p example-worker
    ;;
*)
    echo "usage: templates/check.sh [--render]" >&2
    exit 2
    ;;
esac
