#!/usr/bin/env bash
# Packs the package with a worker into target/npm: bins/npm/pack.sh [BINARY]. Without one, the release build is made and taken.
# The last line that it prints is the tarball.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
binary=${1:-}
if [[ -z $binary ]]; then
    cargo build --release --locked -p sfu-worker >&2
    binary=$target/release/sfu-worker
fi
[[ -x $binary ]] || {
    echo "pack.sh: $binary: there is no program that may be run" >&2
    exit 1
}

stage=$target/npm/stage
rm -rf "$stage"
mkdir -p "$stage/bin"
cp -r bins/npm/lib bins/npm/README.md LICENSE-MIT LICENSE-APACHE "$stage"
install -m 0755 "$binary" "$stage/bin/sfu-worker"

# The binary runs where it was built for; npm refuses the package elsewhere. What only our tests need stays here.
node - bins/npm/package.json "$stage/package.json" <<'NODE'
const { readFileSync, writeFileSync } = require('node:fs');
const [from, to] = process.argv.slice(2);
const { devDependencies, scripts, ...manifest } = JSON.parse(readFileSync(from));
manifest.os = [process.platform];
manifest.cpu = [process.arch];
if (process.platform === 'linux') {
	manifest.libc = [process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'];
}
writeFileSync(to, JSON.stringify(manifest, null, 2) + '\n');
NODE

tarball=$(cd "$stage" && npm pack --silent --pack-destination "$target/npm")
echo "$target/npm/$tarball"
