'use strict';

const mediasoup = require('mediasoup');

const { workerBin } = require('./binary');
const { variables } = require('./settings');

/**
 * Starts a worker.
 *
 * @param {import('./index').WorkerSettings} settings
 */
async function createWorker(settings = {}) {
	const { workerBin: asked, config, listen, mediaThreads, set, off, env, ...settingsOfLibrary } = settings;
	const bin = workerBin(asked);
	const environment = variables({ config, listen, mediaThreads, set, off, env });
	try {
		// The library hands its own environment to the process that it starts before the call returns: nothing else runs
		// in between, so that no other worker sees these variables.
		return await within(environment, () => mediasoup.createWorker({ ...settingsOfLibrary, workerBin: bin }));
	} catch (error) {
		throw explained(error, bin);
	}
}

/** Runs a function while variables are set, and puts back what was there. */
function within(variables, run) {
	const before = Object.keys(variables).map(name => [name, process.env[name]]);
	Object.assign(process.env, variables);
	try {
		return run();
	} finally {
		for (const [name, value] of before) {
			if (value === undefined) {
				delete process.env[name];
			} else {
				process.env[name] = value;
			}
		}
	}
}

/** The library knows no more than the code with which a worker ended. */
function explained(error, bin) {
	const code = /\bcode:(\d+)/.exec(error?.message)?.[1];
	if (code === undefined) {
		return error;
	}
	const reason =
		code === '43'
			? `${bin} does not speak the protocol of mediasoup ${mediasoup.version}`
			: `${bin} ended before it ran, with code ${code}; DEBUG='mediasoup:ERROR*' shows what it said`;
	return new Error(`createWorker: ${reason}`, { cause: error });
}

module.exports = { createWorker };
