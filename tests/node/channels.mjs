// A peer with data channels in Node: channels.mjs STACK URL TRANSPORT PLAN, where the transport and the plan are JSON. Says `connected`,
// then waits a moment for the network to become bad; tells what each cell came to.
import { Channels } from './channels.js';

const [stack, url, transport, plan] = process.argv.slice(2);
const say = line => console.log(JSON.stringify(line));
const { RTCPeerConnection } = stack === 'werift' ? await import('werift') : await import('node-datachannel/polyfill');

// werift looks once over what has arrived and passes by a whole message right behind a gap, so one that lies behind a repaired message
// is not delivered before something else arrives.
const channels = new Channels(RTCPeerConnection, url, { strands: stack === 'werift' });
await channels.open(JSON.parse(transport));
await channels.begin();
say({ state: 'connected' });
await new Promise(done => setTimeout(done, 300));
const { cells, latency } = JSON.parse(plan);
for (const cell of cells) say({ cell: await channels.cell(cell) });
if (latency) say({ latency: await channels.latency(latency) });
say({ state: 'done' });
process.exit(0);
