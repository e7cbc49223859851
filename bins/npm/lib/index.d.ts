/// <reference types="node" />
import type { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';

/** Settings of the worker that mediasoup has no words for. What is left out comes from the environment of this process. */
export interface SfuSettings {
	/** Configuration file of the worker (TOML), instead of `SFU_CONFIG`. */
	config?: string;
	/**
	 * Address and port where the worker serves HTTP (admin API, WHIP and WHEP), instead of `SFU_LISTEN`; without it, and
	 * without `[http]` in the file, it serves none. Each worker needs a port of its own.
	 */
	listen?: string;
	/**
	 * Media threads of this worker, 1 to 64, instead of `SFU_MEDIA_THREADS`; 1 if neither is given. With several, its routers
	 * are on them by turns, and a large room spreads over all of them. A WebRtcServer with a port then takes the ports behind it, too.
	 */
	mediaThreads?: number;
	/** Fields of plugins, over those of the file, instead of `SFU_SET`: `{ recorder: { folder: '/recordings' } }`. */
	set?: { [plugin: string]: { [field: string]: unknown } };
	/** Plugins that are on only where a request switches them on, instead of `SFU_OFF`. */
	off?: string[];
	/** More variables for this worker alone. */
	env?: { [variable: string]: string };
}

/** Settings of mediasoup, and ours. */
export type WorkerSettings<WorkerAppData extends types.AppData = types.AppData> = types.WorkerSettings<WorkerAppData> &
	SfuSettings;

/**
 * Starts a worker: mediasoup's `createWorker()` with the program that `workerBin` names, else `SFUKIT_WORKER_BIN`, else the
 * one in this package.
 *
 * @throws {TypeError} if a setting is wrong.
 * @throws {Error} if there is no such program, or if it ends before it runs.
 */
export function createWorker<WorkerAppData extends types.AppData = types.AppData>(
	settings?: WorkerSettings<WorkerAppData>
): Promise<types.Worker<WorkerAppData>>;

/** What a request can be about. */
export type Target =
	| types.Router
	| types.Transport
	| types.Producer
	| types.Consumer
	| types.DataProducer
	| types.DataConsumer
	| types.RtpObserver;

/** What a plugin tells of. */
export interface About {
	/** Id of a router, transport, producer …; missing if it is about the whole worker. */
	id?: string;
	/**
	 * The object with this id: the router, what was made in it since `plugin()` was called, and what a request named as its
	 * target. The last 256 closed ones are still known.
	 */
	object?: Target;
}

/** The worker found that a plugin misbehaved. */
export interface Fault {
	/** What was done about it. */
	step: string;
	/** What happened. */
	text: string;
}

/** Events of a plugin. */
export interface PluginEvents {
	/** The plugin tells something; the README of each plugin says what. */
	event: [body: any, about: About];
	/** The plugin misbehaved. */
	fault: [fault: Fault, about: About];
	/** So many messages came before this object could listen. */
	lost: [messages: number];
	/** It is closed: by `close()`, with its router or worker, or because the way to the plugin can't be opened. */
	close: [reason: string];
}

export interface PluginOptions {
	/** How long an answer may take, if the request does not say; milliseconds or `Infinity`. Default 10000. */
	timeout?: number;
}

export interface RequestOptions {
	/** What the request is about. Default the router; `null` is the whole worker. */
	target?: Target | null;
	/** How long the answer may take; milliseconds or `Infinity`. */
	timeout?: number;
}

/** A plugin of the worker, as seen from a router. */
export class Plugin extends EventEmitter<PluginEvents> {
	private constructor();
	/** Name of the plugin. */
	get id(): string;
	/** The router that was given. */
	get router(): types.Router;
	get closed(): boolean;
	/**
	 * Asks the plugin. Requests are sent in order; answers come as the plugin has them.
	 *
	 * @param params - the fields of the method.
	 * @returns The answer.
	 * @throws {PluginError} if the plugin refuses, does not answer in time, or if this object closes.
	 */
	request<Answer = any>(method: string, params?: { [field: string]: any }, options?: RequestOptions): Promise<Answer>;
	/**
	 * Switches the plugin on at a target (default the router, `null` for the whole worker) and for all that is below it, now and
	 * later.
	 *
	 * @param options - the plugin's `options`.
	 */
	enable(target?: Target | null, options?: { [field: string]: any }): Promise<void>;
	/** Switches it off there. */
	disable(target?: Target | null): Promise<void>;
	/**
	 * Gives a target labels, instead of those it had: what plugins shall know of it, since `appData` never leaves your process. All
	 * plugins see them, and what is made below the target from now on has them too. At most 32 of 64 + 256 bytes.
	 */
	label(target: Target, labels: { [name: string]: string }): Promise<void>;
	/** Closes this object, not the plugin: requests that wait are rejected, events no longer come. */
	close(): void;
}

/**
 * A plugin of the worker that a router runs in. Returns at once; requests wait until the way to the plugin is open.
 *
 * All plugins of a router share one DirectTransport, which the first opens and the last closes.
 *
 * @param id - its name, as `sfu-worker plugins list` shows it.
 */
export function plugin(router: types.Router, id: string, options?: PluginOptions): Plugin;

/**
 * What a request failed with: the plugin's own number, a word of the worker, or one of this package (`timeout`, `closed`).
 */
export type PluginErrorCode =
	| number
	| 'not_found'
	| 'invalid'
	| 'state'
	| 'refused'
	| 'limit'
	| 'stopped'
	| 'unsupported'
	| 'internal'
	| 'timeout'
	| 'closed';

/** Why a request to a plugin failed. */
export class PluginError extends Error {
	constructor(about: { plugin: string; method?: string; code: PluginErrorCode; text: string });
	readonly name: 'PluginError';
	readonly code: PluginErrorCode;
	/** Name of the plugin. */
	readonly plugin: string;
	/** Method of the request. */
	readonly method?: string;
}
