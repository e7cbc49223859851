// The same from an ES module.
import { plugin, type Plugin } from 'sfukit-mediasoup';
import * as sfukit from 'sfukit-mediasoup';
import type { types } from 'mediasoup';

export function recorder(router: types.Router): Plugin {
	return plugin(router, 'recorder');
}
export const errors: typeof sfukit.PluginError = sfukit.PluginError;
