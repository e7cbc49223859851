'use strict';

const { Plugin, plugin } = require('./plugin');
const { PluginError } = require('./plugin-error');
const { createWorker } = require('./worker');

// One by one, so that `import { createWorker }` finds them.
exports.createWorker = createWorker;
exports.plugin = plugin;
exports.Plugin = Plugin;
exports.PluginError = PluginError;
