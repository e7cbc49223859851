// The list of live streams, kept up to date: by Server-Sent Events, else by asking every few seconds.
//
// EventSource cannot carry a token, so the events are read with fetch.
import { sleep } from './dom.js';
import { request } from './http.js';

const URL_LIST = '/streams';
const URL_EVENTS = '/streams/events';
/** Between two questions where events do not work, in ms. */
const POLL = 3000;
/** A worker that is alive says something at least every 15 s; after this silence it is asked again. */
const SILENCE = 40_000;

/**
 * Calls `show(streams)` at once and after each change, and `state('live' | 'polling' | 'refused' | 'lost', text)`.
 * Returns a function that begins anew, as after a change of token. A hidden tab lets go of its connection: browsers
 * have six of them per worker.
 */
export function followStreams({ show, state }) {
  let turn = new AbortController();

  const run = async (signal) => {
    let failures = 0;
    while (!signal.aborted) {
      const began = Date.now();
      try {
        await events(signal, show, state);
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 401 || error.status === 403) {
          state('refused', error.message);
          return;
        }
      }
      if (signal.aborted) return;
      failures = Date.now() - began > 10_000 ? 0 : failures + 1;
      // Events ended or never came (a proxy may hold them back): ask a few times, then try them again.
      for (let n = 0; n < Math.min(failures, 10) && !signal.aborted; n += 1) await poll(signal, show, state);
    }
  };

  const begin = () => {
    turn.abort();
    turn = new AbortController();
    if (!document.hidden) run(turn.signal);
  };
  document.addEventListener('visibilitychange', begin);
  addEventListener('pagehide', () => turn.abort());
  addEventListener('pageshow', ({ persisted }) => persisted && begin());
  begin();
  return begin;
}

async function poll(signal, show, state) {
  try {
    const { streams } = await (await request(URL_LIST, { signal })).json();
    show(streams);
    state('polling', '');
  } catch (error) {
    if (!signal.aborted) state(error.status === 0 ? 'lost' : 'refused', error.message);
  }
  await sleep(POLL, signal);
}

async function events(outer, show, state) {
  const silent = new AbortController();
  const signal = AbortSignal.any([outer, silent.signal]);
  let timer = setTimeout(() => silent.abort(), SILENCE);
  try {
    const response = await request(URL_EVENTS, { signal, headers: { Accept: 'text/event-stream' } });
    if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) throw new Error('no events');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE);
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const { event, data } = parse(block);
        if (event === 'streams') {
          show(JSON.parse(data).streams);
          state('live', '');
        }
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** One event of the HTML standard's event stream format. */
function parse(block) {
  let event = 'message';
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name === 'event') event = value;
    if (name === 'data') data.push(value);
  }
  return { event, data: data.join('\n') };
}
