#!/usr/bin/env bash
# Installs the packed package beside mediasoup in an empty folder, without anybody's install scripts, and asks the recorder
# there, from an ES module and from CommonJS: bins/npm/test/install.sh BINARY
set -euo pipefail

binary=$(realpath "$1")
tarball=$("$(dirname "$0")/../pack.sh" "$binary" | tail -n 1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# What this shell says of workers is not meant.
unset SFUKIT_WORKER_BIN MEDIASOUP_WORKER_BIN

echo '{ "private": true }' >package.json
npm install --ignore-scripts --prefer-offline --no-fund --no-audit "$tarball" mediasoup@3.27.1

cat >ask.mjs <<'NODE'
import { createWorker, plugin } from 'sfukit-mediasoup';

const worker = await createWorker({ set: { recorder: { folder: 'recordings' } } });
const router = await worker.createRouter();
const recorder = plugin(router, 'recorder');
const { files } = await recorder.request('list', {}, { target: null });
console.log(`installed: ${files.length} recordings`);
worker.close();
NODE
cat >ask.cjs <<'NODE'
const { createWorker, plugin } = require('sfukit-mediasoup');

createWorker().then(async worker => {
	const recorder = plugin(await worker.createRouter(), 'recorder');
	console.log(`installed: ${(await recorder.request('status')).active.length} active`);
	worker.close();
});
NODE

for script in ask.mjs ask.cjs; do
    said=$(timeout 60 node "$script")
    echo "$script: $said"
    [[ $said == 'installed: 0 '* ]]
done
