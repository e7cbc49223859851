// The mediasoup library behind HTTP, in as few lines as possible: tests and their pages run its methods and read its events, so
// that each test decides how a server behaves. Ends, with its workers, when it is killed.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { EventEmitter } from 'node:events';
import { build } from 'esbuild';
import * as mediasoup from 'mediasoup';

/** What others may call, by id; workers have their process's. */
const objects = new Map([['mediasoup', mediasoup]]);
/** All that happened to them. */
const events = [];

const EVENTS = ['bufferedamountlow', 'dataproducerclose', 'dataproducerpause', 'dataproducerresume', 'died', 'dominantspeaker',
  'dtlsstatechange', 'iceselectedtuplechange', 'icestatechange', 'layerschange', 'listenserverclose', 'message', 'producerclose',
  'producerpause', 'producerresume', 'routerclose', 'rtcp', 'rtcptuple', 'rtp', 'score', 'sctpsendbufferfull', 'sctpstatechange',
  'silence', 'subprocessclose', 'trace', 'transportclose', 'tuple', 'videoorientationchange', 'volumes', 'workerclose'];
const SHOWN = ['id', 'pid', 'closed', 'kind', 'type', 'paused', 'producerId', 'dataProducerId', 'label', 'protocol', 'score',
  'rtpCapabilities', 'rtpParameters', 'iceParameters', 'iceCandidates', 'iceState', 'iceSelectedTuple', 'dtlsParameters',
  'dtlsState', 'sctpNegotiatedCapabilities', 'sctpParameters', 'sctpStreamParameters', 'sctpState', 'srtpParameters',
  'tuple', 'rtcpTuple', 'currentLayers', 'preferredLayers'];

/** A value as JSON: of the library's objects what they show, and from now on they may be called; of bytes hexadecimal. */
function told(value) {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(told);
  if (!(value instanceof EventEmitter)) {
    return value?.constructor === Object ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, told(v)])) : value;
  }
  const id = value.id ?? String(value.pid);
  // The end of a pipe has its producer's id.
  if (!objects.has(id)) {
    objects.set(id, value);
    for (const event of EVENTS) value.on(event, (...args) => events.push({ id, event, args: args.map(told) }));
  }
  return { ...Object.fromEntries(SHOWN.filter(name => value[name] !== undefined).map(name => [name, value[name]])), id };
}

/** A value from JSON, where `{ "object": id }` is an object of the library and `{ "hex": text }` bytes. */
const meant = value => value?.hex !== undefined ? Buffer.from(value.hex, 'hex')
  : objects.get(value?.object) ?? (value?.constructor === Object
    ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, meant(v)])) : value);

const routes = {
  '/call': async ({ id, method, args = [] }) => {
    const object = objects.get(id);
    if (!object) throw new Error(`there is no ${id}`);
    return told(await object[method](...args.map(meant)));
  },
  /** A data producer says the time, again and again. */
  '/say': async ({ id, count, interval, size }) => {
    const began = performance.now();
    for (let n = 0; n < count; n++) {
      objects.get(id).send(String(Date.now()).padEnd(size, '.'));
      await new Promise(done => setTimeout(done, Math.max(0, began + (n + 1) * interval - performance.now())));
    }
  },
  '/events': ({ id, event }) => events.filter(happened => happened.id === id && happened.event === event).map(({ args }) => args),
  '/show': ({ id }) => told(objects.get(id)),
};

const bundle = await build({ entryPoints: [new URL('page.js', import.meta.url).pathname], bundle: true, write: false, format: 'iife' });
const files = {
  '/': ['text/html', '<!doctype html><meta charset=utf-8><title>mediasoup</title><script src=/raw.js></script>' +
    '<script src=/page.js></script><link rel=icon href=data:,><video id=picture autoplay playsinline></video>'],
  '/raw.js': ['text/javascript', await readFile(new URL('../node/raw.js', import.meta.url))],
  '/page.js': ['text/javascript', bundle.outputFiles[0].contents],
};

async function answer(request, response) {
  if (request.method === 'GET') {
    const [type, file] = files[request.url] ?? ['text/plain', ''];
    return response.writeHead(file ? 200 : 404, { 'content-type': type }).end(file);
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  try {
    const result = await routes[request.url](JSON.parse(body));
    // Times in traces are wider than numbers.
    response.end(JSON.stringify(result ?? null, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
  } catch (error) {
    response.writeHead(500).end(String(error?.stack ?? error));
  }
}

const server = createServer(answer).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
