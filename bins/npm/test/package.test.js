'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const manifest = require('../package.json');
const root = join(__dirname, '..', '..', '..');

test('the version is that of the worker', () => {
	const [, version] = /\[workspace\.package\][^[]*?\nversion = "([^"]+)"/.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'));
	assert.equal(manifest.version, version);
});

test('ES modules and CommonJS find the same names', async () => {
	const required = require('sfukit-mediasoup');
	const imported = await import('sfukit-mediasoup');
	assert.deepEqual(Object.keys(required).sort(), ['Plugin', 'PluginError', 'createWorker', 'plugin']);
	for (const [name, value] of Object.entries(required)) {
		assert.equal(imported[name], value, name);
	}
});

test('the types compile', () => {
	const tsc = require.resolve('typescript/bin/tsc');
	const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', __dirname], { encoding: 'utf8' });
	assert.equal(status, 0, stdout + stderr);
});

test('the lock file names no host', () => {
	assert.doesNotMatch(readFileSync(join(__dirname, '..', 'package-lock.json'), 'utf8'), /"resolved"/);
});
