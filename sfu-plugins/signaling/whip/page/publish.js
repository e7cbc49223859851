// The panel that publishes.
import { sendable } from './codecs.js';
import { $, el, keyed, setText } from './dom.js';
import * as format from './format.js';
import { Graph } from './graph.js';
import { nameProblem, streamPath } from './http.js';
import { devices, hasCameras, hasScreens, openSource } from './sources.js';
import { observe, total, worst } from './stats.js';
import { publisher } from './whip.js';

/** Publishers of this page by stream: `{ pc, url, state, … }`. */
export const publishers = new Map();

const TEXTS = {
  connecting: 'Connecting …',
  connected: '',
  waiting: 'Waiting for the worker …',
};

const choice = () => document.querySelector('input[name=source]:checked').value;
const chosen = (id) => $(id).value;

let session = null;
let opened = null;
let attempt = 0;
let stopWatching = () => {};
let clock = 0;

const graphs = {
  bitrate: new Graph({ label: 'Sent', name: 'bitrate', format: format.bitrate, floor: 100_000 }),
  loss: new Graph({ label: 'Loss', name: 'loss', format: format.percent, floor: 0.02 }),
  roundTrip: new Graph({ label: 'Round trip', name: 'round-trip', format: format.millis, floor: 10 }),
  frames: new Graph({ label: 'Frames/s', name: 'frames', format: format.rate, floor: 30 }),
};

/** Brings the panel to life. `onChange` is called when a stream of this page begins or ends. */
export function setUpPublish({ onChange }) {
  $('publish-graphs').append(...Object.values(graphs).map((graph) => graph.element));
  $('codec').append(...sendable().map((name) => el('option', { value: name, text: name })));
  $('stream-name').addEventListener('input', showEndpoint);
  for (const radio of document.querySelectorAll('input[name=source]')) radio.addEventListener('change', showSource);
  $('publish-form').addEventListener('submit', (event) => {
    event.preventDefault();
    start(onChange);
  });
  $('publish-stop').addEventListener('click', () => stop());
  $('publish-mute').addEventListener('click', () => toggle('publish-mute', 'audio'));
  $('publish-hide').addEventListener('click', () => toggle('publish-hide', 'video'));
  $('publish').addEventListener('keydown', (event) => {
    // Escape gives up an attempt; what is on air is only ended on purpose.
    if (event.key === 'Escape' && $('publish').dataset.state === 'connecting') stop();
  });
  navigator.mediaDevices?.addEventListener?.('devicechange', listDevices);
  listDevices();
  if (!hasCameras()) $('source-pattern').checked = true;
  $('source-camera').disabled = !hasCameras();
  $('source-screen').disabled = !hasScreens();
  if (!hasCameras()) hint('source-hint', 'Browsers give cameras and screens to pages over HTTPS or on this machine only.');
  showSource();
  showEndpoint();
}

function hint(id, text) {
  $(id).hidden = !text;
  setText($(id), text);
}

function showEndpoint() {
  const name = chosen('stream-name').trim();
  const problem = nameProblem(name);
  hint('stream-name-hint', name ? problem : '');
  $('stream-name').setAttribute('aria-invalid', String(Boolean(name && problem)));
  setText($('whip-url'), location.origin + (problem ? '/whip/…' : streamPath('whip', name)));
}

function showSource() {
  $('camera-field').hidden = choice() !== 'camera';
  $('microphone-field').hidden = choice() === 'pattern';
}

async function listDevices() {
  const { cameras, microphones } = await devices();
  fill($('camera'), [['', 'Default'], ...cameras.map((each, at) => [each.deviceId, each.label || `Camera ${at + 1}`])]);
  fill($('microphone'), [
    ['', 'Default'],
    ...microphones.map((each, at) => [each.deviceId, each.label || `Microphone ${at + 1}`]),
    ['none', 'None'],
  ]);
}

function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => el('option', { value, text })));
  select.value = options.some(([value]) => value === before) ? before : '';
}

async function start(onChange) {
  const stream = chosen('stream-name').trim();
  const problem = nameProblem(stream);
  if (problem) {
    showEndpoint();
    setStatus(problem, 'failed');
    $('stream-name').focus();
    return;
  }
  if (session || $('publish').dataset.state === 'connecting') return;
  const mine = ++attempt;
  setStatus('Opening the source …', 'connecting');
  const [width, height] = chosen('size').split('x').map(Number);
  let source;
  try {
    source = await openSource({ source: choice(), camera: chosen('camera'), microphone: chosen('microphone'), width, height });
  } catch (error) {
    if (mine === attempt) setStatus(error.message, 'failed');
    return;
  }
  if (mine !== attempt) {
    source.close();
    return;
  }
  listDevices();
  opened = source;
  $('preview').srcObject = source.media;
  session = publisher({ stream, media: source.media, codec: chosen('codec'), simulcast: $('simulcast').checked });
  publishers.set(stream, session);
  for (const track of source.media.getTracks()) {
    track.addEventListener('ended', () => mine === attempt && stop('The source ended.'));
  }
  const current = session;
  current.addEventListener('state', () => show(current));
  stopWatching = observe(current, showFigures);
  onChange();
  await current.run();
  publishers.delete(stream);
  if (session === current) close();
  onChange();
}

async function stop(text = '') {
  attempt += 1;
  if (!session) return setStatus(text, 'idle');
  return session.stop(text);
}

/** Gives everything back once the session is over. */
function close() {
  stopWatching();
  opened?.close();
  opened = null;
  session = null;
  attempt += 1;
  $('preview').srcObject = null;
  clearInterval(clock);
  clock = 0;
}

function show(current) {
  if (current !== session) return;
  const { state, text } = current;
  setStatus(text || (TEXTS[state] ?? ''), { ended: 'idle', waiting: 'connecting' }[state] ?? state);
}

function setStatus(text, state) {
  const panel = $('publish');
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : '';
  panel.dataset.state = state;
  setText($('publish-status'), text);
  $('publish-status').hidden = !text;
  const running = !['idle', 'failed'].includes(state);
  const onAir = state === 'connected' || state === 'interrupted';
  $('publish-form').hidden = running;
  $('publish-start').hidden = running;
  $('publish-stop').hidden = !running;
  $('publish-preview').hidden = !running;
  $('publish-badge').hidden = !onAir;
  $('publish-figures').hidden = !onAir;
  setText($('publish-title'), running ? chosen('stream-name').trim() : 'Publish');
  setText($('publish-stop'), onAir ? 'Stop publishing' : 'Cancel');
  for (const [id, kind] of [['publish-mute', 'audio'], ['publish-hide', 'video']]) {
    $(id).hidden = !onAir || !opened?.media.getTracks().some((track) => track.kind === kind);
  }
  if (!running) resetToggles();
  if (onAir && !clock) startClock();
  // The control that had the focus may be gone: its counterpart takes it over.
  if (focused && $(focused).closest('[hidden]')) $(running ? 'publish-stop' : 'publish-start').focus();
}

function startClock() {
  const since = Date.now();
  for (const graph of Object.values(graphs)) graph.clear();
  const tick = () => setText($('publish-clock'), format.clock(Date.now() - since));
  tick();
  clock = setInterval(tick, 1000);
}

const LABELS = {
  'publish-mute': ['Mute sound', 'Sound is off'],
  'publish-hide': ['Hide picture', 'Picture is off'],
};

function toggle(id, kind) {
  const off = $(id).getAttribute('aria-pressed') !== 'true';
  opened?.media.getTracks().filter((track) => track.kind === kind).forEach((track) => { track.enabled = !off; });
  pressed(id, off);
}

function pressed(id, off) {
  $(id).setAttribute('aria-pressed', String(off));
  setText($(id), LABELS[id][off ? 1 : 0]);
}

const resetToggles = () => Object.keys(LABELS).forEach((id) => pressed(id, false));

function showFigures({ streams, roundTrip, worker }) {
  const video = streams.filter((stream) => stream.kind === 'video');
  const ordered = video.length > 1 ? video.map((stream) => stream.bitrate) : undefined;
  graphs.bitrate.push(total(streams.map((stream) => stream.bitrate)), ordered);
  graphs.loss.push(worst(streams.map((stream) => stream.loss)));
  graphs.roundTrip.push(roundTrip);
  graphs.frames.push(worst(video.map((stream) => stream.frames)));

  const ofWorker = (worker?.producers ?? []).flatMap((producer) => producer.streams);
  const key = (stream) => `${stream.kind}-${stream.rid ?? stream.ssrc}`;
  keyed($('publish-encodings').tBodies[0], streams, key, row, (tr, stream) => {
    const there = ofWorker.find((each) => each.ssrc === stream.ssrc || (stream.rid && each.rid === stream.rid));
    const [name, size, frames, sent, gets, loss] = tr.cells;
    tr.dataset.encoding = stream.rid ?? stream.kind;
    const trace = video.length > 1 ? video.indexOf(stream) + 1 : 0;
    name.dataset.trace = trace > 0 ? String(trace) : '';
    setText(name, `${stream.rid ? `${stream.rid} ` : ''}${format.codec(stream.codec) || stream.kind}`);
    setText(size, stream.kind === 'video' ? format.size(stream.width, stream.height).replaceAll(' ', '') : '');
    setText(frames, stream.kind === 'video' ? format.rate(stream.frames) : '');
    setText(sent, format.shortBitrate(stream.bitrate));
    setText(gets, format.shortBitrate(there?.bitrate));
    setText(loss, format.percent(stream.loss));
    tr.title = stream.limited ? `Held back by: ${stream.limited}` : '';
  });
}

const row = () => el('tr', {}, el('th', { scope: 'row' }), ...Array.from({ length: 5 }, () => el('td')));
