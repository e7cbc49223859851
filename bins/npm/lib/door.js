'use strict';

const { Directory } = require('./directory');

/** The protocol of data producers that lead to plugins. */
const PROTOCOL = 'sfukit.plugin';

/** Longest request and answer; bytes. */
const MAX_MESSAGE_SIZE = 4 * 1024 * 1024;

/** The doors of routers in which plugins are talked to. */
const doors = new WeakMap();

/** The direct transport of a router, which all its plugins share. */
class Door {
	#router;
	#appData = { sfukit: 'plugins' };
	#transport;
	#users = 0;
	#isClosed = false;

	/** The door of a router, for one more user. */
	static of(router) {
		let door = doors.get(router);
		if (door === undefined) {
			door = new Door(router);
			doors.set(router, door);
		}
		door.#users += 1;
		return door;
	}

	constructor(router) {
		this.#router = router;
		this.directory = new Directory(router, object => object.appData === this.#appData);
	}

	/** A data producer that leads to a plugin, and the data consumer of what it says. */
	async open(plugin) {
		this.#transport ??= this.#router.createDirectTransport({
			maxSendMessageSize: MAX_MESSAGE_SIZE,
			maxReceiveMessageSize: MAX_MESSAGE_SIZE,
			appData: this.#appData,
		});
		const transport = await this.#transport;
		const appData = this.#appData;
		const producer = await transport.produceData({ label: plugin, protocol: PROTOCOL, appData });
		try {
			return { producer, consumer: await transport.consumeData({ dataProducerId: producer.id, appData }) };
		} catch (error) {
			producer.close();
			throw error;
		}
	}

	/** One user less; the last one closes it. */
	leave() {
		this.#users -= 1;
		if (this.#users > 0 || this.#isClosed) {
			return;
		}
		this.#isClosed = true;
		if (doors.get(this.#router) === this) {
			doors.delete(this.#router);
		}
		this.directory.close();
		// It may still be on its way.
		this.#transport?.then(transport => transport.close()).catch(() => {});
	}
}

module.exports = { Door, MAX_MESSAGE_SIZE };
