'use strict';

/** Why a request to a plugin failed. */
class PluginError extends Error {
	/** @param {{ plugin: string, method?: string, code: string | number, text: string }} about */
	constructor({ plugin, method, code, text }) {
		super(`${method === undefined ? plugin : `${plugin}.${method}`}: ${text}`);
		this.name = 'PluginError';
		this.code = code;
		this.plugin = plugin;
		this.method = method;
	}
}

module.exports = { PluginError };
