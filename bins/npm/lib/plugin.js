'use strict';

const { EventEmitter } = require('node:events');

const { Door, MAX_MESSAGE_SIZE } = require('./door');
const { PluginError } = require('./plugin-error');

/** How long an answer may take; milliseconds. */
const TIMEOUT = 10_000;

/** The longest time that a timer knows; milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** A plugin of the worker, as seen from a router. */
class Plugin extends EventEmitter {
	#router;
	#id;
	#timeout;
	#door;
	/** The data producer and consumer, once they are there. */
	#ends;
	#opening;
	#pending = new Map();
	#lastId = 0;
	/** Why it is closed. */
	#closed;

	constructor(router, id, timeout) {
		super();
		this.#router = router;
		this.#id = id;
		this.#timeout = timeout;
		this.#door = Door.of(router);
		router.observer.on('close', this.#onRouterClose);
		this.#opening = this.#open();
	}

	/** Name of the plugin. */
	get id() {
		return this.#id;
	}

	get router() {
		return this.#router;
	}

	get closed() {
		return this.#closed !== undefined;
	}

	/** Asks the plugin, and resolves to its answer. */
	async request(method, params = {}, { target = this.#router, timeout = this.#timeout } = {}) {
		if (typeof method !== 'string' || method === '') {
			throw new TypeError(`${this.#id}.request: method: expected a text`);
		}
		if (typeof params !== 'object' || params === null || Array.isArray(params)) {
			throw new TypeError(`${this.#id}.${method}: params: expected an object`);
		}
		checkTimeout(`${this.#id}.${method}`, timeout);
		const about = this.#named(method, target);
		if (this.#closed !== undefined) {
			throw this.#error(method, 'closed', this.#closed);
		}
		return new Promise((resolve, reject) => {
			this.#lastId += 1;
			const id = this.#lastId;
			const message = JSON.stringify({ id, method, target: about, params });
			const length = Buffer.byteLength(message);
			if (length > MAX_MESSAGE_SIZE) {
				const text = `the request has ${length} bytes, and ${MAX_MESSAGE_SIZE} are allowed`;
				reject(this.#error(method, 'limit', text));
				return;
			}
			const pending = { method, resolve, reject, timer: undefined };
			if (timeout !== Infinity) {
				const late = () => this.#late(id, timeout);
				pending.timer = setTimeout(late, Math.min(timeout, LONGEST));
			}
			this.#pending.set(id, pending);
			void this.#opening.then(() => this.#send(id, message));
		});
	}

	/** Switches the plugin on at a target and below it. */
	async enable(target = this.#router, options = {}) {
		await this.request('enable', { options }, { target });
	}

	/** Switches it off there. */
	async disable(target = this.#router) {
		await this.request('disable', {}, { target });
	}

	/** Gives a target labels, instead of those it had. */
	async label(target, labels) {
		await this.request('label', { labels }, { target });
	}

	close() {
		this.#close('it was closed');
	}

	/** Never rejects: what goes wrong closes the plugin, and so is told to all who wait. */
	async #open() {
		try {
			const ends = await this.#door.open(this.#id);
			if (this.#closed !== undefined) {
				ends.consumer.close();
				ends.producer.close();
				return;
			}
			this.#ends = ends;
			ends.consumer.on('message', this.#onMessage);
			ends.consumer.observer.on('close', this.#onConsumerClose);
			if (ends.consumer.closed) {
				this.#onConsumerClose();
			}
		} catch (error) {
			this.#close(`the way to it can't be opened: ${error.message}`);
		}
	}

	#send(id, message) {
		// It may have closed, or given up waiting.
		if (!this.#pending.has(id) || this.#ends === undefined) {
			return;
		}
		try {
			this.#ends.producer.send(message);
		} catch (error) {
			const { method, reject } = this.#settle(id);
			reject(this.#error(method, 'closed', error.message));
		}
	}

	/** What a target is called in a request; nothing is the whole worker. */
	#named(method, target) {
		if (target === null) {
			return undefined;
		}
		if (typeof target !== 'object' || typeof target.id !== 'string') {
			throw new TypeError(
				`${this.#id}.${method}: target: expected a router, transport, producer, consumer, data producer, ` +
					`data consumer or null`
			);
		}
		// Events about it name its id alone.
		if (target.observer !== undefined && this.#closed === undefined) {
			this.#door.directory.add(target);
		}
		return target.id;
	}

	#onMessage = data => {
		let message;
		try {
			message = JSON.parse(data.toString('utf8'));
		} catch {
			return;
		}
		if (message.id !== undefined) {
			this.#answered(message);
		} else if ('lost' in message) {
			this.emit('lost', message.lost);
		} else {
			const about = {};
			if (message.target !== undefined) {
				about.id = message.target;
				about.object = this.#door.directory.find(message.target);
			}
			// What listeners throw is the library's to report.
			if ('event' in message) {
				this.emit('event', message.event, about);
			} else if ('fault' in message) {
				this.emit('fault', message.fault, about);
			}
		}
	};

	#answered({ id, ok, error }) {
		const pending = this.#settle(id);
		if (error === undefined) {
			pending?.resolve(ok);
		} else {
			pending?.reject(this.#error(pending.method, error.code ?? error.kind, error.text));
		}
	}

	#late(id, timeout) {
		const pending = this.#settle(id);
		pending?.reject(this.#error(pending.method, 'timeout', `no answer within ${timeout} ms`));
	}

	/** Takes a request out of those that wait. */
	#settle(id) {
		const pending = this.#pending.get(id);
		if (pending !== undefined) {
			this.#pending.delete(id);
			clearTimeout(pending.timer);
		}
		return pending;
	}

	#error(method, code, text) {
		return new PluginError({ plugin: this.#id, method, code, text });
	}

	#onRouterClose = () => this.#close('the router closed, or its worker did');

	#onConsumerClose = () => {
		this.#close(
			this.#router.closed ? 'the router closed, or its worker did' : 'somebody closed the way to the plugin'
		);
	};

	#close(reason) {
		if (this.#closed !== undefined) {
			return;
		}
		this.#closed = reason;
		this.#router.observer.off('close', this.#onRouterClose);
		if (this.#ends !== undefined) {
			const { producer, consumer } = this.#ends;
			consumer.off('message', this.#onMessage);
			consumer.observer.off('close', this.#onConsumerClose);
			consumer.close();
			producer.close();
		}
		this.#door.leave();
		for (const [id, { method }] of [...this.#pending]) {
			this.#settle(id).reject(this.#error(method, 'closed', reason));
		}
		this.emit('close', reason);
	}
}

/**
 * A plugin of the worker that a router runs in.
 *
 * @returns {Plugin}
 */
function plugin(router, id, { timeout = TIMEOUT } = {}) {
	if (typeof router?.createDirectTransport !== 'function') {
		throw new TypeError('plugin: router: expected a Router of mediasoup');
	}
	if (typeof id !== 'string' || id === '') {
		throw new TypeError("plugin: id: expected the name of a plugin, as 'recorder'");
	}
	checkTimeout('plugin', timeout);
	if (router.closed) {
		throw new PluginError({ plugin: id, code: 'closed', text: 'the router is closed' });
	}
	return new Plugin(router, id, timeout);
}

function checkTimeout(where, timeout) {
	if (typeof timeout !== 'number' || !(timeout > 0)) {
		throw new TypeError(`${where}: timeout: expected milliseconds, or Infinity`);
	}
}

module.exports = { Plugin, plugin };
