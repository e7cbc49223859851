'use strict';

const { EventEmitter } = require('node:events');

let made = 0;

/** What the library's objects have in common. */
class Entity extends EventEmitter {
	observer = new EventEmitter();
	closed = false;

	constructor(options = {}) {
		super();
		made += 1;
		this.id = `${this.constructor.name}-${made}`;
		Object.assign(this, options);
	}

	close() {
		if (!this.closed) {
			this.closed = true;
			this.closing?.();
			this.observer.emit('close');
		}
	}
}

class Producer extends Entity {}

/** A data producer that leads to a plugin; `worker` is who answers. */
class DataProducer extends Entity {
	send(message) {
		const { id, method, target, params } = JSON.parse(message);
		this.worker.asked.push(JSON.parse(message));
		setImmediate(() => this.worker.answer?.({ id, method, target, params, say: said => this.say({ id, ...said }) }));
	}

	say(message) {
		for (const consumer of this.consumers) {
			consumer.emit('message', Buffer.from(JSON.stringify(message)), 51);
		}
	}

	closing() {
		for (const consumer of this.consumers) {
			consumer.close();
		}
	}
}

class DataConsumer extends Entity {
	closing() {
		this.dataProducer.consumers.delete(this);
	}
}

/** A transport with what is made in it. */
class Transport extends Entity {
	children = [];

	async produceData(options) {
		await tick();
		return this.#made('newdataproducer', new DataProducer({ ...options, consumers: new Set(), worker: this.worker }));
	}

	async consumeData({ dataProducerId, ...options }) {
		await tick();
		const dataProducer = this.children.find(child => child.id === dataProducerId);
		const consumer = this.#made('newdataconsumer', new DataConsumer({ ...options, dataProducer }));
		dataProducer.consumers.add(consumer);
		return consumer;
	}

	produce(options) {
		return this.#made('newproducer', new Producer(options));
	}

	closing() {
		for (const child of this.children) {
			child.close();
		}
	}

	#made(event, child) {
		this.children.push(child);
		this.observer.emit(event, child);
		return child;
	}
}

/** A router in a worker that says what a test wants: `answer` gets each request, `asked` has them all. */
class Router extends Entity {
	asked = [];
	transports = [];

	async createDirectTransport(options) {
		await tick();
		if (this.refuses) {
			throw new Error(this.refuses);
		}
		return this.createTransport(options);
	}

	createTransport(options) {
		const transport = new Transport({ ...options, worker: this });
		this.transports.push(transport);
		this.observer.emit('newtransport', transport);
		return transport;
	}

	/** The way to a plugin. */
	door(label) {
		return this.transports.flatMap(({ children }) => children).findLast(child => child.label === label && !child.closed);
	}

	closing() {
		for (const transport of this.transports) {
			transport.close();
		}
	}
}

function tick() {
	return new Promise(resolve => setImmediate(resolve));
}

/** Waits for something to be so, for a thousand turns of the event loop at the most. */
async function until(holds) {
	for (let turn = 0; turn < 1000; turn++) {
		if (holds()) {
			return;
		}
		await tick();
	}
	throw new Error(`this never held: ${holds}`);
}

/** All listeners on what a router has, by whoever added them. */
function listeners(router) {
	const all = [router, ...router.transports, ...router.transports.flatMap(({ children }) => children)];
	const on = emitter => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
	return all.reduce((sum, entity) => sum + on(entity) + on(entity.observer), 0);
}

module.exports = { Router, listeners, tick, until };
