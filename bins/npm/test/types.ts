// Compiled, never run: the types are what JavaScript does.
import { createWorker, plugin, Plugin, PluginError, type About, type Target } from 'sfukit-mediasoup';
import type { types } from 'mediasoup';

export async function room(): Promise<void> {
	const worker: types.Worker<{ room: string }> = await createWorker({
		logLevel: 'warn',
		appData: { room: 'one' },
		config: '/etc/sfu.toml',
		listen: '127.0.0.1:0',
		mediaThreads: 2,
		set: { recorder: { folder: '/recordings', fsync: true } },
		off: ['recorder'],
		env: { SFU_OPEN: 'true' },
		workerBin: '/bin/sfu-worker',
	});
	const router = await worker.createRouter();
	const transport = await router.createPlainTransport({ listenInfo: { protocol: 'udp', ip: '127.0.0.1' } });
	const recorder: Plugin = plugin(router, 'recorder', { timeout: 1000 });
	recorder.on('event', (body, about: About) => {
		const target: Target | undefined = about.object;
		console.log(body.event, about.id, target?.closed);
	});
	recorder.once('fault', ({ step, text }) => console.log(step, text.length));
	recorder.on('lost', count => count.toFixed());
	recorder.on('close', reason => reason.length);
	const { producers } = await recorder.request<{ producers: string[] }>('start', { file: 'x' }, { target: transport });
	console.log(producers.length);
	await recorder.enable(transport, { file: 'x' });
	await recorder.enable();
	await recorder.disable(null);
	await recorder.label(transport, { stream: 'x' });
	// @ts-expect-error the whole worker has no labels
	await recorder.label(null, { stream: 'x' });
	try {
		await recorder.request('list', { limit: 1 }, { target: null, timeout: Infinity });
	} catch (error) {
		if (error instanceof PluginError && error.code === 467) {
			console.log(error.plugin, error.method);
		}
	}
	// @ts-expect-error: a text is no target
	await recorder.request('list', {}, { target: 'everything' });
	// @ts-expect-error: settings have their types
	await createWorker({ off: 'recorder' });
	// @ts-expect-error: `plugin()` makes them
	new Plugin();
	recorder.close();
}
