// What the plugin `recorder` has written, and its switch per stream. Without the plugin, or where the admin API does
// not answer this page, there is no such section.
import { $, el, keyed, setText } from './dom.js';
import * as format from './format.js';
import { Refused, readable } from './http.js';

const DOOR = '/api/plugins/recorder';
/** Where the files can be downloaded, by the same API. */
const FILES = '/api/recordings';
/** Between two questions while the section is shown, in ms. */
const REFRESH = 5000;

let live = [];
let files = [];
/** Streams that are being recorded. */
let recorded = new Set();
let there = false;

/** Asks once; if the recorder answers, shows the section and keeps it up to date. */
export async function setUpRecordings() {
  await refresh();
  if (!there) return;
  setInterval(() => document.hidden || refresh(), REFRESH);
}

/** The streams that can be recorded. */
export function noticeRecordable(streams) {
  live = streams.filter((stream) => stream.publisher).map((stream) => stream.name);
  if (there) show();
}

/** One request to the plugin. The admin API has a token of its own: ours is not sent there. */
async function ask(request) {
  let response;
  try {
    response = await fetch(DOOR, {
      method: 'POST',
      cache: 'no-store',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ request }),
      signal: AbortSignal.timeout(8000),
    });
  } catch {
    throw new Refused(0);
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, readable(body?.error?.text ?? ''));
  return body;
}

async function refresh() {
  try {
    const [list, status] = await Promise.all([ask({ method: 'list' }), ask({ method: 'status' })]);
    const active = new Map((status.active ?? []).map((track) => [track.file, track]));
    recorded = new Set([...active.values()].filter((track) => !track.failed).map((track) => track.stream));
    files = (list.files ?? []).map((file) => ({ ...file, ...active.get(file.file), active: file.state === 'active' }));
    there = true;
  } catch (error) {
    // A worker that is silent for a moment keeps its list; one that refuses has none for us.
    if (error.status) there = false;
  }
  $('recordings').hidden = !there;
  if (there) show();
}

function show() {
  keyed($('recordings-table').tBodies[0], files, ({ file }) => file,
    () => el('tr', {}, el('th', { scope: 'row' }), el('td'), el('td'), el('td')),
    (tr, { file, codec, kind, started, modified, bytes, active }) => {
      tr.dataset.state = active ? 'active' : 'done';
      const link = tr.cells[0].firstElementChild ?? tr.cells[0].appendChild(el('a', { download: file }));
      link.href = `${FILES}/${encodeURIComponent(file)}`;
      setText(link, file);
      setText(tr.cells[1], codec ? format.codec(codec) : (kind ?? ''));
      setText(tr.cells[2], new Date(started ?? modified).toLocaleString());
      setText(tr.cells[3], active ? `${format.bytes(bytes)}, recording` : format.bytes(bytes));
    });
  $('recordings-table').hidden = files.length === 0;
  $('recordings-empty').hidden = files.length > 0;
  setText($('recordings-count'), files.length ? String(files.length) : '');
  keyed($('recordings-controls'), live, (name) => name,
    (name) => el('button', { type: 'button', id: `record-${name}`, data: { record: name }, on: { click: () => toggle(name) } }),
    (button, name) => {
      const on = recorded.has(name);
      button.setAttribute('aria-pressed', String(on));
      setText(button, on ? `Stop recording ${name}` : `Record ${name}`);
    });
}

async function toggle(stream) {
  const method = recorded.has(stream) ? 'stop' : 'start';
  try {
    await ask({ method, stream });
    setText($('recordings-status'), method === 'start' ? `Recording ${stream}.` : `Stopped recording ${stream}.`);
  } catch (error) {
    setText($('recordings-status'), error.message);
  }
  await refresh();
  // Files appear with their first packet.
  setTimeout(refresh, 1500);
}
