// The plugin `recorder`: a switch for each stream, and what was written.
import { adminToken, download } from '../admin.js';
import { el, keyed, setText } from '../dom.js';
import * as format from '../format.js';

export const title = 'Recordings';
/** Where the files can be downloaded, by the admin API. */
const FILES = 'recordings';
/** Switches that are shown at the most. */
const MOST = 100;

/** The view in its panel. */
export function make({ ask, changed }) {
  let live = [];
  let files = [];
  let more = false;
  /** Streams that are being recorded. */
  let recorded = new Set();

  const form = el('select', { id: 'recordings-format', name: 'format' },
    ...[['', 'As configured'], ['webm', 'WebM'], ['ogg', 'Ogg, sound only'], ['mjr', 'MJR']].map(([value, text]) => el('option', { value, text })));
  const formField = el('div', { class: 'field inline' }, el('label', { for: 'recordings-format', text: 'Format' }), form);
  const all = el('button', { type: 'button', id: 'record-all', on: { click: () => toggleAll() } });
  const controls = el('div', { id: 'recordings-controls', class: 'record-controls' });
  const status = el('p', { id: 'recordings-status', class: 'status', role: 'status' });
  const heads = ['File', 'Codec', 'Started', 'Size'].map((text) => el('th', { scope: 'col', text }));
  const body = el('tbody');
  const table = el('table', { id: 'recordings-table', class: 'recordings' },
    el('caption', { class: 'visually-hidden', text: 'Recorded files' }), el('thead', {}, el('tr', {}, ...heads)), body);
  const empty = el('p', { id: 'recordings-empty', class: 'empty', text: 'No recording yet.' });

  const show = () => {
    keyed(body, files, ({ file }) => file,
      () => el('tr', {}, el('th', { scope: 'row' }), el('td'), el('td'), el('td')),
      (tr, { file, codec, kind, started, modified, bytes, active }) => {
        tr.dataset.state = active ? 'active' : 'done';
        const link = tr.cells[0].firstElementChild ?? tr.cells[0].appendChild(el('a', { download: file, on: { click: (event) => save(event, file) } }));
        link.href = `/api/${FILES}/${encodeURIComponent(file)}`;
        setText(link, file);
        setText(tr.cells[1], codec ? format.codec(codec) : (kind ?? ''));
        setText(tr.cells[2], new Date(started ?? modified).toLocaleString());
        setText(tr.cells[3], active ? `${format.bytes(bytes)}, recording` : format.bytes(bytes));
      });
    table.hidden = files.length === 0;
    empty.hidden = files.length > 0;
    keyed(controls, live.slice(0, MOST), (name) => name,
      (name) => el('button', { type: 'button', id: `record-${name}`, data: { record: name }, on: { click: () => toggle(name) } }),
      (button, name) => {
        const on = recorded.has(name);
        button.setAttribute('aria-pressed', String(on));
        setText(button, on ? `Stop recording ${name}` : `Record ${name}`);
      });
    formField.hidden = live.length === 0;
    all.hidden = live.length < 2;
    setText(all, every() ? 'Stop recording all' : 'Record all');
  };
  const every = () => live.every((name) => recorded.has(name));

  const refresh = async () => {
    const [list, now] = await Promise.all([ask({ method: 'list' }), ask({ method: 'status' })]);
    const active = new Map((now.active ?? []).map((track) => [track.file, track]));
    recorded = new Set([...active.values()].filter((track) => !track.failed).map((track) => track.stream));
    files = (list.files ?? []).map((file) => ({ ...file, ...active.get(file.file), active: file.state === 'active' }));
    more = files.length >= 100;
    show();
  };

  const order = async (method, streams) => {
    const wish = method === 'start' && form.value ? { format: form.value } : {};
    try {
      for (const stream of streams) await ask({ method, stream, ...wish });
      const what = streams.length === 1 ? streams[0] : `${streams.length} streams`;
      setText(status, method === 'start' ? `Recording ${what}.` : `Stopped recording ${what}.`);
    } catch (error) {
      setText(status, error.message);
    }
    await refresh().catch(() => {});
    // Files appear with their first packet.
    setTimeout(changed, 1500);
  };
  const toggle = (stream) => order(recorded.has(stream) ? 'stop' : 'start', [stream]);
  const toggleAll = () => (every() ? order('stop', live) : order('start', live.filter((name) => !recorded.has(name))));

  /** A link can't carry a token. */
  const save = async (event, file) => {
    if (!adminToken.get()) return;
    event.preventDefault();
    try {
      await download(`${FILES}/${encodeURIComponent(file)}`, file);
    } catch (error) {
      setText(status, error.message);
    }
  };

  show();
  return {
    element: el('div', {}, status, el('div', { class: 'record-head' }, formField, all), controls,
      el('div', { class: 'table-scroll bounded', tabindex: '0', role: 'region', 'aria-label': 'Recorded files' }, table), empty),
    streams(list) {
      live = list.filter((stream) => stream.publisher).map((stream) => stream.name);
      show();
    },
    refresh,
    head() {
      const going = recorded.size;
      const count = files.length === 1 ? '1 file' : `${files.length}${more ? ' or more' : ''} files`;
      return {
        news: live.length > 0 || files.length > 0,
        line: [going ? `recording ${going}` : '', files.length ? count : ''].filter(Boolean).join(', '),
      };
    },
  };
}
