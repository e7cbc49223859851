// What the plugin `recorder` has written, and its switch per stream. Without the plugin, or where the admin API does
// not answer this page, there is no such section.
import { $, el, keyed, setText } from './dom.js';
import * as format from './format.js';
import { Refused, readable } from './http.js';

const DOOR = '/api/plugins/recorder';
/** Between two questions while the section is shown, in ms. */
const REFRESH = 5000;

let live = [];
let files = [];
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
    files = fileList(await ask({ method: 'list' }));
    there = true;
  } catch (error) {
    // A worker that is silent for a moment keeps its list; one that refuses has none for us.
    if (error.status) there = false;
  }
  $('recordings').hidden = !there;
  if (there) show();
}

/**
 * The files of an answer: `{ recordings: [{ name, stream, size, started, active }] }`, or such a list alone, or one answer
 * per media thread. `started` is in ms since 1970 or a date text, `size` in bytes.
 */
export function fileList(answer) {
  const list = Array.isArray(answer) ? answer : answer?.recordings ?? answer?.files ?? [];
  return list
    .flatMap((entry) => (Array.isArray(entry) || entry?.recordings || entry?.files ? fileList(entry) : [entry]))
    .filter((entry) => entry && typeof (entry.name ?? entry.path) === 'string')
    .map((entry) => ({
      name: entry.name ?? entry.path,
      stream: entry.stream ?? entry.labels?.stream ?? '',
      size: entry.size ?? entry.bytes,
      started: new Date(entry.started ?? NaN),
      active: Boolean(entry.active ?? entry.recording),
    }))
    .sort((a, b) => (b.started.getTime() || 0) - (a.started.getTime() || 0) || a.name.localeCompare(b.name));
}

function show() {
  keyed($('recordings-table').tBodies[0], files, ({ name }) => name,
    () => el('tr', {}, el('th', { scope: 'row' }), el('td'), el('td'), el('td')),
    (tr, file) => {
      tr.dataset.state = file.active ? 'active' : 'done';
      setText(tr.cells[0], file.name);
      setText(tr.cells[1], file.stream);
      setText(tr.cells[2], Number.isNaN(file.started.getTime()) ? '–' : file.started.toLocaleString());
      setText(tr.cells[3], file.active ? `${format.bytes(file.size)}, recording` : format.bytes(file.size));
    });
  $('recordings-table').hidden = files.length === 0;
  $('recordings-empty').hidden = files.length > 0;
  setText($('recordings-count'), files.length ? String(files.length) : '');
  keyed($('recordings-controls'), live, (name) => name,
    (name) => el('button', { type: 'button', id: `record-${name}`, data: { record: name }, on: { click: () => toggle(name) } }),
    (button, name) => {
      const on = isRecorded(name);
      button.setAttribute('aria-pressed', String(on));
      setText(button, on ? `Stop recording ${name}` : `Record ${name}`);
    });
}

const isRecorded = (stream) => files.some((file) => file.active && file.stream === stream);

async function toggle(stream) {
  const method = isRecorded(stream) ? 'stop' : 'start';
  try {
    await ask({ method, stream });
    setText($('recordings-status'), method === 'start' ? `Recording ${stream}.` : `Stopped recording ${stream}.`);
  } catch (error) {
    setText($('recordings-status'), error.message);
  }
  await refresh();
}
