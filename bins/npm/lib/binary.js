'use strict';

const { accessSync, constants } = require('node:fs');
const { join } = require('node:path');

/** Where the worker lies in a packed package. */
const packed = join(__dirname, '..', 'bin', 'sfu-worker');

/**
 * The worker to start: what is asked for, else `SFUKIT_WORKER_BIN`, else the one in this package.
 *
 * @param {string | undefined} asked
 */
function workerBin(asked) {
	const path = asked || process.env.SFUKIT_WORKER_BIN || packed;
	try {
		accessSync(path, constants.X_OK);
	} catch (cause) {
		throw new Error(
			path === packed
				? `createWorker: this package holds no worker for ${process.platform}-${process.arch}; build one ` +
					`(cargo build --release -p sfu-worker) and name it by workerBin or SFUKIT_WORKER_BIN`
				: `createWorker: ${path}: there is no program that may be run`,
			{ cause }
		);
	}
	return path;
}

module.exports = { workerBin };
