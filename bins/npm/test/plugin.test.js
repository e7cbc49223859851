'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { plugin, PluginError } = require('sfukit-mediasoup');
const { Router, listeners, tick, until } = require('./fake');

/** Answers each request by its method. */
const echo = ({ method, say }) => say({ ok: method });

test('a request is one message on a direct data producer with the name of the plugin', async () => {
	const router = new Router({ answer: ({ say }) => say({ ok: { files: [] } }) });
	const recorder = plugin(router, 'recorder');
	assert.deepEqual(await recorder.request('list', { limit: 3 }), { files: [] });
	assert.deepEqual(router.asked, [{ id: 1, method: 'list', target: router.id, params: { limit: 3 } }]);
	const { label, protocol } = router.door('recorder');
	assert.deepEqual({ label, protocol }, { label: 'recorder', protocol: 'sfukit.plugin' });
});

test('fields of a plugin may be called as those of a request', async () => {
	const router = new Router({ answer: echo });
	await plugin(router, 'p').request('find', { id: 'x', target: 'y', params: 1 });
	assert.deepEqual(router.asked[0], { id: 1, method: 'find', target: router.id, params: { id: 'x', target: 'y', params: 1 } });
});

test('a request is about the router, about an object, or about the whole worker', async () => {
	const router = new Router({ answer: echo });
	const producer = router.createTransport().produce();
	const recorder = plugin(router, 'recorder');
	await recorder.enable();
	await recorder.enable(producer, { file: 'x' });
	await recorder.disable(null);
	await recorder.label(producer, { stream: 'talk' });
	assert.deepEqual(
		router.asked.map(({ method, target, params }) => [method, target, params]),
		[
			['enable', router.id, { options: {} }],
			['enable', producer.id, { options: { file: 'x' } }],
			['disable', undefined, {}],
			['label', producer.id, { labels: { stream: 'talk' } }],
		]
	);
	await assert.rejects(recorder.request('list', {}, { target: 'everything' }), TypeError);
	await assert.rejects(recorder.request('list', {}, { target: {} }), TypeError);
});

test('answers find their requests in whatever order they come', async () => {
	const waiting = [];
	const router = new Router({ answer: asked => waiting.push(asked) });
	const recorder = plugin(router, 'recorder');
	const answers = ['a', 'b', 'c'].map(method => recorder.request(method));
	await until(() => waiting.length === 3);
	for (const asked of waiting.reverse()) {
		echo(asked);
	}
	assert.deepEqual(await Promise.all(answers), ['a', 'b', 'c']);
});

test('an error has the number of the plugin, or a word of the worker', async () => {
	const errors = [
		{ kind: 'plugin', code: 467, text: 'stream: wrong' },
		{ kind: 'not_found', text: 'no plugin' },
	];
	const router = new Router({ answer: ({ say }) => say({ error: errors.shift() }) });
	const recorder = plugin(router, 'recorder');
	for (const [code, text] of [[467, 'stream: wrong'], ['not_found', 'no plugin']]) {
		const error = await recorder.request('start').catch(error => error);
		assert.ok(error instanceof PluginError && error instanceof Error);
		const { plugin, method, name } = error;
		assert.deepEqual([error.code, plugin, method, name], [code, 'recorder', 'start', 'PluginError']);
		assert.equal(error.message, `recorder.start: ${text}`);
	}
});

test('without an answer a request ends after its time, and a late answer changes nothing', async () => {
	const router = new Router({ answer: echo });
	const recorder = plugin(router, 'recorder', { timeout: 5 });
	await recorder.request('open', {}, { timeout: 60_000 });
	let asked;
	router.answer = request => (asked = request);
	await assert.rejects(recorder.request('a'), { code: 'timeout', message: 'recorder.a: no answer within 5 ms' });
	await until(() => asked !== undefined);
	echo(asked);
	router.answer = echo;
	assert.equal(await recorder.request('b', {}, { timeout: Infinity }), 'b');
	await assert.rejects(recorder.request('c', {}, { timeout: 0 }), TypeError);
	assert.throws(() => plugin(router, 'recorder', { timeout: NaN }), TypeError);
});

test('a request that the worker would not take is not sent', async () => {
	const router = new Router({ answer: echo });
	const recorder = plugin(router, 'recorder');
	await assert.rejects(recorder.request('a', { long: 'ü'.repeat(3_000_000) }), { code: 'limit' });
	assert.equal(await recorder.request('b'), 'b');
	assert.equal(router.asked.length, 1);
});

test('plugins of a router share one transport, which the last one closes', async () => {
	const router = new Router({ answer: echo });
	const [one, two] = [plugin(router, 'one'), plugin(router, 'two')];
	assert.deepEqual(await Promise.all([one.request('a'), two.request('b')]), ['a', 'b']);
	assert.equal(router.transports.length, 1);
	one.close();
	await tick();
	assert.equal(router.door('one'), undefined);
	assert.equal(await two.request('c'), 'c');
	two.close();
	await tick();
	assert.ok(router.transports[0].closed);
	const again = plugin(router, 'one');
	assert.equal(await again.request('d'), 'd');
	assert.equal(router.transports.length, 2);
	again.close();
});

test('closing rejects what waits, and is told once', async () => {
	const router = new Router();
	const recorder = plugin(router, 'recorder');
	const reasons = [];
	recorder.on('close', reason => reasons.push(reason));
	const waiting = recorder.request('a');
	recorder.close();
	recorder.close();
	await assert.rejects(waiting, { code: 'closed' });
	await assert.rejects(recorder.request('b'), { code: 'closed', plugin: 'recorder', method: 'b' });
	assert.deepEqual(reasons, ['it was closed']);
	assert.ok(recorder.closed);
	for (let turn = 0; turn < 5; turn++) {
		await tick();
	}
	assert.ok(router.transports.every(transport => transport.closed), 'what was still being opened');
	assert.equal(router.asked.length, 0);
});

test('a router takes its plugins with it, whatever they are doing', async () => {
	for (const isOpen of [false, true]) {
		const router = new Router();
		const recorder = plugin(router, 'recorder');
		const waiting = recorder.request('a');
		if (isOpen) {
			await until(() => router.asked.length === 1);
		}
		const closed = once(recorder, 'close');
		const rejected = assert.rejects(waiting, { code: 'closed', message: /the router closed, or its worker did/ });
		router.close();
		await Promise.all([closed, rejected]);
		assert.throws(() => plugin(router, 'recorder'), { code: 'closed' });
	}
});

test('when somebody else closes the way to the plugin, that is told', async () => {
	const router = new Router({ answer: echo });
	const recorder = plugin(router, 'recorder');
	await recorder.request('a');
	const closed = once(recorder, 'close');
	router.transports[0].close();
	assert.match((await closed)[0], /somebody closed/);
});

test('when the way to the plugin can not be opened, requests say why', async () => {
	const router = new Router({ refuses: 'no direct transports here' });
	const recorder = plugin(router, 'recorder');
	const closed = once(recorder, 'close');
	await assert.rejects(recorder.request('a'), { code: 'closed', message: /can't be opened: no direct transports here/ });
	await closed;
	router.refuses = undefined;
	router.answer = echo;
	assert.equal(await plugin(router, 'recorder').request('b'), 'b');
});

test('an event comes with the object that it is about', async () => {
	const router = new Router({ answer: echo });
	const early = router.createTransport().produce();
	const recorder = plugin(router, 'recorder');
	const told = [];
	recorder.on('event', (body, about) => told.push([body.event, about.id, about.object]));
	await recorder.request('a');
	const late = router.createTransport().produce();
	const say = target => router.door('recorder').say({ event: { event: 'x' }, target });
	say(late.id);
	say(early.id);
	await recorder.request('start', {}, { target: early });
	say(early.id);
	say(router.id);
	say(undefined);
	late.close();
	say(late.id);
	assert.deepEqual(told, [
		['x', late.id, late],
		['x', early.id, undefined],
		['x', early.id, early],
		['x', router.id, router],
		['x', undefined, undefined],
		['x', late.id, late],
	]);
});

test('the objects of the way itself are not among them, and closed ones are forgotten in the end', async () => {
	const router = new Router({ answer: echo });
	const recorder = plugin(router, 'recorder');
	const told = [];
	recorder.on('event', (_, { object }) => told.push(object));
	await recorder.request('a');
	const transport = router.createTransport();
	const first = transport.produce();
	first.close();
	for (let index = 0; index < 256; index++) {
		transport.produce().close();
	}
	for (const target of [router.transports[0].id, first.id, transport.children[1].id]) {
		router.door('recorder').say({ event: {}, target });
	}
	assert.deepEqual(told, [undefined, undefined, transport.children[1]]);
});

test('faults and lost messages are events of their own', async () => {
	const router = new Router({ answer: echo });
	const recorder = plugin(router, 'recorder');
	const told = [];
	recorder.on('fault', ({ text }, { object }) => told.push([text, object]));
	recorder.on('lost', count => told.push(count));
	recorder.on('event', body => told.push(body));
	await recorder.request('a');
	const door = router.door('recorder');
	door.say({ fault: { step: 'detached', text: 'it panicked' }, target: router.id });
	door.say({ lost: 3 });
	door.say({ event: { lost: 4 } });
	assert.deepEqual(told, [['it panicked', router], 3, { lost: 4 }]);
});

test('routers have nothing in common', async () => {
	const routers = [new Router({ answer: echo }), new Router({ answer: echo })];
	const recorders = routers.map(router => plugin(router, 'recorder'));
	const told = recorders.map(recorder => {
		const bodies = [];
		recorder.on('event', body => bodies.push(body));
		return bodies;
	});
	await Promise.all(recorders.map(recorder => recorder.request('a')));
	routers[1].door('recorder').say({ event: 1 });
	assert.deepEqual(told, [[], [1]]);
	routers[0].close();
	assert.deepEqual(recorders.map(({ closed }) => closed), [true, false]);
	assert.equal(await recorders[1].request('b'), 'b');
});

test('nothing is left behind on the objects of the library', async () => {
	const router = new Router({ answer: echo });
	const transport = router.createTransport();
	const producer = transport.produce();
	const before = listeners(router);
	for (let round = 0; round < 3; round++) {
		const recorders = [plugin(router, 'recorder'), plugin(router, 'recorder')];
		for (const recorder of recorders) {
			await recorder.enable(transport);
			await recorder.request('start', {}, { target: producer });
		}
		router.createTransport().produce();
		router.createTransport().produce().close();
		assert.ok(listeners(router) > before);
		recorders.forEach(recorder => recorder.close());
		await tick();
		assert.equal(listeners(router), before);
	}
});

test('wrong arguments are told at once', async () => {
	const router = new Router({ answer: echo });
	assert.throws(() => plugin({}, 'recorder'), TypeError);
	assert.throws(() => plugin(router, ''), TypeError);
	const recorder = plugin(router, 'recorder');
	await assert.rejects(recorder.request(''), TypeError);
	await assert.rejects(recorder.request('a', []), TypeError);
	await recorder.request('b');
	assert.equal(router.asked.length, 1);
});
