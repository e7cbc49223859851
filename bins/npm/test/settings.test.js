'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync, readFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');

const { createWorker } = require('sfukit-mediasoup');
const { variables } = require('../lib/settings');

test('settings become the variables that a worker reads', () => {
	assert.deepEqual(variables({}), {});
	assert.deepEqual(
		variables({
			config: '/etc/sfu.toml',
			listen: '127.0.0.1:8080',
			mediaThreads: 2,
			set: { recorder: { folder: '/a,b\nc', file: '7', fsync: true, only: { stream: 'x' }, gone: undefined }, p: { n: 1 } },
			off: ['a', 'b'],
			env: { SFU_OPEN: 'true' },
		}),
		{
			SFU_CONFIG: '/etc/sfu.toml',
			SFU_LISTEN: '127.0.0.1:8080',
			SFU_MEDIA_THREADS: '2',
			SFU_SET: 'recorder.folder="/a,b\\nc"\nrecorder.file="7"\nrecorder.fsync=true\nrecorder.only={"stream":"x"}\np.n=1',
			SFU_OFF: 'a,b',
			SFU_OPEN: 'true',
		}
	);
});

test('wrong settings are told by their names', () => {
	for (const [settings, name] of [
		[{ config: '' }, /config/],
		[{ listen: 8080 }, /listen/],
		[{ mediaThreads: 0 }, /mediaThreads/],
		[{ mediaThreads: '2' }, /mediaThreads/],
		[{ set: 'recorder.folder=x' }, /set/],
		[{ set: { recorder: 'x' } }, /set\.recorder/],
		[{ set: { recorder: { 'a=b\nc.d': 1 } } }, /a=b/],
		[{ off: 'recorder' }, /off/],
		[{ env: { A: 1 } }, /env\.A/],
	]) {
		assert.throws(() => variables(settings), error => error instanceof TypeError && name.test(error.message));
	}
});

test('a worker that is not there is told before the library is asked', async () => {
	await assert.rejects(createWorker({ workerBin: '/nowhere/worker' }), /\/nowhere\/worker: there is no program/);
});

test('a program that ends at once is told with its code, and each program has its own variables alone', async t => {
	const folder = mkdtempSync(join(tmpdir(), 'sfukit-'));
	t.after(() => rmSync(folder, { recursive: true }));
	const program = join(folder, 'program');
	writeFileSync(program, '#!/bin/sh\necho "$SFU_SET|$SFU_OFF|$SFU_CONFIG" >"$OUT"\nexit "$CODE"\n', { mode: 0o755 });
	process.env.SFU_OFF = 'before';
	t.after(() => delete process.env.SFU_OFF);
	const before = { ...process.env };
	const start = (out, code, settings) =>
		createWorker({ workerBin: program, ...settings, env: { OUT: join(folder, out), CODE: code } }).catch(error => error);
	const [one, two, three] = await Promise.all([
		start('one', '1', { set: { p: { n: 1 } }, off: ['p'] }),
		start('two', '43', { config: '/c' }),
		start('three', '42', {}),
	]);
	assert.match(one.message, /program ended before it ran, with code 1; DEBUG=/);
	assert.match(two.message, /program does not speak the protocol of mediasoup 3\.27\./);
	assert.ok(three instanceof TypeError && three.message === 'wrong settings', 'the words of the library');
	const seen = out => readFileSync(join(folder, out), 'utf8').trim();
	assert.deepEqual([seen('one'), seen('two'), seen('three')], ['p.n=1|p|', '|before|/c', '|before|']);
	assert.deepEqual({ ...process.env }, before);
});
