'use strict';

const assert = require('node:assert/strict');
const { createSocket } = require('node:dgram');
const { once } = require('node:events');
const { mkdtempSync, readdirSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, test } = require('node:test');

const { createWorker, plugin, PluginError } = require('sfukit-mediasoup');

// With a real worker: the one that SFUKIT_WORKER_BIN names, or the packed one.

const folder = mkdtempSync(join(tmpdir(), 'sfukit-'));
const workers = [];
after(() => {
	for (const worker of workers) {
		worker.close();
	}
	rmSync(folder, { recursive: true });
});

const OPUS = { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 };
const LOCAL = { listenInfo: { protocol: 'udp', ip: '127.0.0.1' } };
/** How long a whole test may take on a busy machine; milliseconds. */
const PATIENCE = { timeout: 60_000 };
/** How long an answer may; milliseconds. */
const SLOW = { timeout: 20_000 };

async function start(settings) {
	const worker = await createWorker({ set: { recorder: { folder } }, ...settings });
	workers.push(worker);
	return worker;
}

async function room(worker) {
	const router = await worker.createRouter({ mediaCodecs: [OPUS] });
	return { router, recorder: plugin(router, 'recorder', SLOW) };
}

/** A producer, and a way to send it packets. */
async function publish(router, ssrc, prepare = async () => {}) {
	const transport = await router.createPlainTransport({ ...LOCAL, comedia: true, rtcpMux: true });
	await prepare(transport);
	const producer = await transport.produce({
		kind: 'audio',
		rtpParameters: {
			codecs: [{ mimeType: 'audio/opus', payloadType: 100, clockRate: 48000, channels: 2 }],
			encodings: [{ ssrc }],
		},
	});
	const socket = createSocket('udp4');
	let sequence = 0;
	const send = () => {
		sequence += 1;
		const packet = Buffer.alloc(12 + 40);
		packet.writeUInt16BE(0x8000 | 100, 0);
		packet.writeUInt16BE(sequence, 2);
		packet.writeUInt32BE(sequence * 960, 4);
		packet.writeUInt32BE(ssrc, 8);
		socket.send(packet, transport.tuple.localPort, '127.0.0.1');
	};
	const timer = setInterval(send, 20);
	const stop = () => {
		clearInterval(timer);
		socket.close();
	};
	return { producer, stop };
}

/** Resolves to the next event of a name. */
function heard(recorder, name) {
	return new Promise(resolve => {
		const listener = (body, about) => {
			if (body.event === name) {
				recorder.off('event', listener);
				resolve({ body, about });
			}
		};
		recorder.on('event', listener);
	});
}

test('a plugin answers, about the worker and about a router', PATIENCE, async () => {
	const { router, recorder } = await room(await start());
	assert.deepEqual(await recorder.request('list', {}, { target: null }), { files: [], complete: true });
	assert.deepEqual(await recorder.request('status'), { active: [] });
	assert.deepEqual(await recorder.request('start'), { producers: [] });
	assert.deepEqual(await recorder.request('stop', {}, { target: router }), { producers: [] });
	await recorder.enable();
	await recorder.disable();
	recorder.close();
});

test('what is not there or wrong is an error with a code', PATIENCE, async () => {
	const { router, recorder } = await room(await start());
	const failed = request => request.then(assert.fail, error => (assert.ok(error instanceof PluginError), error));
	const nobody = await failed(plugin(router, 'nobody', SLOW).request('list'));
	assert.equal(nobody.code, 'unsupported', nobody.message);
	assert.match(nobody.message, /^nobody\.list: .*nobody/);
	const method = await failed(recorder.request('juggle'));
	assert.equal(typeof method.code, 'number', method.message);
	assert.match(method.message, /juggle/);
	const option = await failed(recorder.enable(router, { nonsense: 1 }));
	assert.match(option.message, /nonsense/);
	const transport = await router.createPlainTransport(LOCAL);
	const gone = { id: transport.id };
	transport.close();
	assert.equal((await failed(recorder.request('status', {}, { target: gone }))).code, 'not_found');
});

test('events come in the router of what they are about, with the object, and after it closed', PATIENCE, async () => {
	const worker = await start();
	const [one, two] = [await room(worker), await room(worker)];
	const elsewhere = [];
	two.recorder.on('event', body => elsewhere.push(body));
	await Promise.all([one, two].map(({ recorder }) => recorder.request('status')));
	const { producer, stop } = await publish(one.router, 1234);
	try {
		const started = heard(one.recorder, 'recorder.started');
		const { producers } = await one.recorder.request('start', {}, { target: producer });
		assert.equal(producers.length, 1);
		const { body, about } = await started;
		assert.equal(about.object, producer);
		assert.equal(about.id, producer.id);
		assert.ok(readdirSync(folder).includes(body.file), body.file);
		let recording;
		do {
			const { active } = await one.recorder.request('status', {}, { target: producer });
			assert.deepEqual(active.map(({ file }) => file), [body.file]);
			[recording] = active;
		} while (recording.packets === 0);

		const stopped = heard(one.recorder, 'recorder.stopped');
		producer.close();
		const last = await stopped;
		assert.equal(last.about.object, producer, 'which is closed by now');
		assert.ok(last.body.packets > 0);
		// What the other router was told would have come by now.
		await two.recorder.request('status');
		assert.deepEqual(elsewhere, []);
	} finally {
		stop();
	}
});

test('labels of a transport are those of what it produces', PATIENCE, async () => {
	const { router, recorder } = await room(await start());
	await recorder.enable(router, { file: '{stream}-{label:user}' });
	const started = heard(recorder, 'recorder.started');
	const { stop } = await publish(router, 4321, transport => recorder.label(transport, { stream: 'talk', user: 'Ada' }));
	try {
		assert.match((await started).body.file, /^talk-Ada\.mjr$/);
	} finally {
		stop();
	}
	await assert.rejects(recorder.label(null, { stream: 'talk' }), { code: 'invalid' });
	await assert.rejects(recorder.label(router, { stream: 'x'.repeat(257) }), /256 are the most/);
});

test('a recorder that is on for a router records its producers, now and later, and no other router\'s', PATIENCE, async () => {
	const worker = await start();
	const [one, two] = [await room(worker), await room(worker)];
	const published = [];
	const files = { one: [], two: [] };
	one.recorder.on('event', body => body.event === 'recorder.started' && files.one.push(body.file));
	two.recorder.on('event', body => body.event === 'recorder.started' && files.two.push(body.file));
	const before = new Set(readdirSync(folder));
	try {
		published.push(await publish(one.router, 11), await publish(two.router, 12));
		await one.recorder.enable();
		published.push(await publish(one.router, 13), await publish(two.router, 14));
		const [first, others, later] = published;
		// All send, and both of this router are being recorded.
		let active;
		do {
			({ active } = await one.recorder.request('status'));
		} while (active.length < 2 || files.one.length < 2 || active.some(({ packets }) => packets === 0));
		for (const { producer } of [others, published[3]]) {
			for (let received = 0; received < 10; ) {
				received = (await producer.getStats()).reduce((sum, stats) => sum + stats.packetCount, 0);
			}
		}
		assert.deepEqual(await two.recorder.request('status'), { active: [] });
		({ active } = await one.recorder.request('status'));
		assert.equal(active.length, 2);
		for (const { producer } of [first, later]) {
			const { active: own } = await one.recorder.request('status', {}, { target: producer });
			assert.equal(own.length, 1);
		}
		assert.deepEqual(files.two, []);
		const written = readdirSync(folder).filter(file => !before.has(file));
		assert.deepEqual(written.toSorted(), files.one.toSorted());
	} finally {
		published.forEach(({ stop }) => stop());
	}
});

test('on a transport that is not direct the same strings are ordinary data', PATIENCE, async () => {
	const { router } = await room(await start());
	const options = { ...LOCAL, enableSctp: true };
	const [one, two] = [await router.createPlainTransport(options), await router.createPlainTransport(options)];
	const stream = { sctpStreamParameters: { streamId: 1, ordered: true } };
	const producer = await one.produceData({ ...stream, label: 'recorder', protocol: 'sfukit.plugin' });
	// Of the way to a plugin this would be refused.
	const consumer = await two.consumeData({ dataProducerId: producer.id });
	assert.deepEqual([consumer.type, consumer.label, consumer.protocol], ['sctp', 'recorder', 'sfukit.plugin']);
});

test('what a plugin says is refused to what is not direct', PATIENCE, async () => {
	const { router, recorder } = await room(await start());
	const made = [];
	router.observer.on('newtransport', transport => transport.observer.on('newdataproducer', it => made.push(it)));
	await recorder.request('status');
	const transport = await router.createPlainTransport({ ...LOCAL, enableSctp: true });
	await assert.rejects(transport.consumeData({ dataProducerId: made[0].id }), TypeError);
});

test('when the router or the worker closes, or the worker dies, requests that wait are rejected', PATIENCE, async () => {
	const worker = await start();
	for (const [end, of] of [
		[({ router }) => router.close(), worker],
		[({ worker }) => worker.close(), worker],
		[({ worker }) => process.kill(worker.pid, 'SIGKILL'), await start()],
	]) {
		const { router, recorder } = await room(of);
		await recorder.request('status');
		// Stopped, it can't answer before its end.
		process.kill(of.pid, 'SIGSTOP');
		const closed = once(recorder, 'close');
		const rejected = assert.rejects(recorder.request('status'), { code: 'closed' });
		end({ router, worker: of });
		await Promise.all([rejected, closed]);
		await assert.rejects(recorder.request('status'), { code: 'closed' });
		if (!of.died) {
			process.kill(of.pid, 'SIGCONT');
		}
	}
});

test('settings reach the worker that they are meant for', PATIENCE, async () => {
	const on = { set: { recorder: { folder, enabled: true } } };
	const [recording, silent] = [await start(on), await start({ ...on, off: ['recorder'] })];
	const published = [];
	try {
		const [one, two] = [await room(recording), await room(silent)];
		await Promise.all([one, two].map(({ recorder }) => recorder.request('status')));
		const started = heard(one.recorder, 'recorder.started');
		for (const { router } of [one, two]) {
			published.push(await publish(router, 77));
		}
		await started;
		assert.deepEqual(await two.recorder.request('status'), { active: [] });
	} finally {
		published.forEach(({ stop }) => stop());
	}
	await assert.rejects(start({ set: { recorder: { nonsense: 1 } } }), /ended before it ran, with code/);
});
