// The plugin `audio-selector`: who speaks, and who is forwarded. Tiles and rows of streams that speak are marked.
import { api, merged } from '../admin.js';
import { el } from '../dom.js';
import { figure, table } from '../figures.js';

export const title = 'Speakers';
/** Between two questions while it is on, in ms. */
const STEP = 1000;

/** The view in its panel. */
export function make({ ask }) {
  let streams = new Map();
  let on = false;
  let busy = false;
  const list = table({
    caption: 'Who speaks', empty: 'Nobody is heard.', key: ({ producer }) => producer,
    columns: [
      ['Stream', ({ producer }) => streams.get(producer) ?? producer], ['Room', ({ room }) => room || 'its own'],
      ['Now', ({ speaks }) => (speaks ? 'speaks' : 'is forwarded')],
    ],
  });
  const show = (rooms) => {
    const rows = rooms.flatMap(({ room, speakers = [], forwarded = [] }) => {
      const rest = forwarded.filter((producer) => !speakers.includes(producer));
      return [...speakers.map((producer) => ({ room, producer, speaks: true })), ...rest.map((producer) => ({ room, producer, speaks: false }))];
    });
    list.show(rows);
    mark(new Set(rows.filter((row) => row.speaks).map((row) => streams.get(row.producer))));
    return rows;
  };
  const step = async () => {
    if (!on || busy || document.hidden) return;
    busy = true;
    try {
      const rooms = merged(await ask({ method: 'speakers' }), 'rooms');
      const strange = rooms.some((room) => room.forwarded?.some((producer) => !streams.has(producer)));
      if (strange) {
        streams = await names();
        // Who is in no stream is asked for once.
        for (const room of rooms) for (const producer of room.forwarded ?? []) if (!streams.has(producer)) streams.set(producer, producer);
      }
      show(rooms);
    } catch {
      // The panel says why at its next turn.
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(step, STEP);
  return {
    element: el('div', {}, list.element),
    async refresh(info) {
      on = Boolean(info.switch && (info.switch.on || info.switch.targets > 0));
      if (!on) show([]);
      await step();
    },
    head(info) {
      const [candidates, forwarded] = [figure(info, 'candidates') ?? 0, figure(info, 'forwarded') ?? 0];
      return { news: candidates > 0, line: candidates ? `${forwarded} of ${candidates} forwarded` : '' };
    },
    close() {
      clearInterval(timer);
      mark(new Set());
    },
  };
}

/** Streams by their producers. */
async function names() {
  const { streams = [] } = await api('streams');
  return new Map(streams.flatMap(({ name, publishers }) =>
    publishers.flatMap(({ producers }) => producers.map(({ id }) => [id, name]))));
}

function mark(speaking) {
  for (const each of document.querySelectorAll('[data-tile], #streams [data-stream]')) {
    const speaks = speaking.has(each.dataset.tile ?? each.dataset.stream);
    if (speaks) each.dataset.speaking = '';
    else delete each.dataset.speaking;
  }
}
