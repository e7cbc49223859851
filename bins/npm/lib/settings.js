'use strict';

/**
 * The variables by which a worker reads settings that the library has no words for.
 *
 * @param {import('./index').SfuSettings} settings
 * @returns {Record<string, string>}
 */
function variables({ config, listen, mediaThreads, set, off, env }) {
	const variables = {};
	for (const [name, value] of Object.entries(env ?? {})) {
		variables[name] = text(`env.${name}`, value);
	}
	if (config !== undefined) {
		variables.SFU_CONFIG = text('config', config);
	}
	if (listen !== undefined) {
		variables.SFU_LISTEN = text('listen', listen);
	}
	if (mediaThreads !== undefined) {
		if (!Number.isInteger(mediaThreads) || mediaThreads < 1 || mediaThreads > 64) {
			throw new TypeError('createWorker: mediaThreads: expected a number of 1 to 64');
		}
		variables.SFU_MEDIA_THREADS = String(mediaThreads);
	}
	if (set !== undefined) {
		variables.SFU_SET = assignments(set).join('\n');
	}
	if (off !== undefined) {
		if (!Array.isArray(off)) {
			throw new TypeError("createWorker: off: expected a list of plugins, ['recorder']");
		}
		variables.SFU_OFF = off.map(id => text('off', id)).join(',');
	}
	return variables;
}

/** `{ recorder: { folder: '/x' } }` as the worker reads it: `recorder.folder="/x"`, one a line. */
function assignments(set) {
	if (!isRecord(set)) {
		throw new TypeError("createWorker: set: expected fields by plugin, { recorder: { folder: '/recordings' } }");
	}
	return Object.entries(set).flatMap(([plugin, fields]) => {
		if (!isRecord(fields)) {
			throw new TypeError(`createWorker: set.${plugin}: expected an object with fields of the plugin`);
		}
		return Object.entries(fields)
			.filter(([, value]) => value !== undefined)
			.map(([field, value]) => {
				for (const name of [plugin, field]) {
					if (!/^[\w-]+$/.test(name)) {
						throw new TypeError(`createWorker: set: ${JSON.stringify(name)} is no name of a plugin or field`);
					}
				}
				// As JSON a text is never taken for a number, and has no line end.
				return `${plugin}.${field}=${JSON.stringify(value)}`;
			});
	});
}

function text(field, value) {
	if (typeof value !== 'string' || value === '') {
		throw new TypeError(`createWorker: ${field}: expected a text`);
	}
	return value;
}

function isRecord(value) {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

module.exports = { variables };
