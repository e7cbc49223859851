'use strict';

/** How many closed objects are still known. */
const REMEMBERED = 256;

/** What a transport says of what is made in it. */
const CHILDREN = ['newproducer', 'newconsumer', 'newdataproducer', 'newdataconsumer'];

/** The objects of a router by their ids, as far as they were seen: what plugins tell names ids. */
class Directory {
	#objects = new Map();
	/** Takes our listeners off an object. */
	#undo = new Map();
	/** Ids of closed ones, oldest first: plugins still tell of them, as a recorder does that finishes its file. */
	#closed = new Set();
	#isOurs;

	/** @param {(object: object) => boolean} isOurs - what the app has not made */
	constructor(router, isOurs) {
		this.#isOurs = isOurs;
		this.add(router);
	}

	find(id) {
		return this.#objects.get(id);
	}

	/** Adds an object, and what is made in it from now on. */
	add(object) {
		if (this.#objects.has(object.id) || object.closed || this.#isOurs(object)) {
			return;
		}
		this.#objects.set(object.id, object);
		const heard = [['close', () => this.#forget(object.id)]];
		const add = child => this.add(child);
		if (typeof object.createDirectTransport === 'function') {
			heard.push(['newtransport', add], ['newrtpobserver', add]);
		} else if (typeof object.consumeData === 'function') {
			heard.push(...CHILDREN.map(name => [name, add]));
		}
		for (const [name, listener] of heard) {
			object.observer.on(name, listener);
		}
		this.#undo.set(object.id, () => {
			for (const [name, listener] of heard) {
				object.observer.off(name, listener);
			}
		});
	}

	/** Stops to listen. */
	close() {
		for (const undo of this.#undo.values()) {
			undo();
		}
		for (const known of [this.#objects, this.#undo, this.#closed]) {
			known.clear();
		}
	}

	#forget(id) {
		this.#undo.get(id)?.();
		this.#undo.delete(id);
		this.#closed.add(id);
		if (this.#closed.size > REMEMBERED) {
			const [oldest] = this.#closed;
			this.#closed.delete(oldest);
			this.#objects.delete(oldest);
		}
	}
}

module.exports = { Directory };
