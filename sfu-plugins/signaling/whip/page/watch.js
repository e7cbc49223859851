// The tiles that show streams.
import { $, el, setText } from './dom.js';
import * as format from './format.js';
import { Graph } from './graph.js';
import { observe, total, worst } from './stats.js';
import { viewer } from './whep.js';

/** Viewers of this page by stream: `{ pc, url, state, … }`. */
export const viewers = new Map();

const tiles = new Map();
let changed = () => {};

/** Brings the tiles to life. `onChange` is called when one comes or goes. */
export function setUpWatch({ onChange }) {
  changed = onChange;
}

/** Whether the stream is being watched on this page. */
export const isWatched = (stream) => tiles.has(stream);

/** Names of the streams that are watched. */
export const watched = () => [...tiles.keys()];

/** Watches a stream. `wait`: keeps asking while it is not live. `quiet`: begins muted. */
export function watch(stream, { wait = false, quiet = false } = {}) {
  if (tiles.has(stream)) return;
  const tile = new Tile(stream, { wait, quiet });
  tiles.set(stream, tile);
  $('tiles').append(tile.element);
  $('watching').hidden = false;
  tile.start();
  changed();
  tile.element.scrollIntoView({ block: 'nearest', behavior: calm.matches ? 'auto' : 'smooth' });
}

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** Stops watching a stream. */
export function unwatch(stream) {
  const tile = tiles.get(stream);
  if (!tile) return;
  tiles.delete(stream);
  viewers.delete(stream);
  tile.close();
  $('watching').hidden = tiles.size === 0;
  changed();
}

/** The list of live streams is news: whoever waits for one of them need not wait on. */
export function noticeLive(streams) {
  for (const { name, publisher } of streams) {
    const tile = tiles.get(name);
    if (publisher && tile?.session?.state === 'waiting' && !tile.wasLive) tile.session.hurry();
    if (tile) tile.wasLive = Boolean(publisher);
  }
  for (const [name, tile] of tiles) {
    if (!streams.some((stream) => stream.name === name)) tile.wasLive = false;
  }
}

const TEXTS = {
  new: '',
  connecting: 'Connecting …',
  connected: '',
  waiting: 'Not live. It begins here when it is.',
  ended: 'The stream has ended.',
};

class Tile {
  session = null;
  wasLive = false;
  #stream;
  #wait;
  #quiet;
  #stopObserving = () => {};
  #media = new MediaStream();
  #playing = false;
  #away = false;

  constructor(stream, { wait, quiet }) {
    this.#stream = stream;
    this.#wait = wait;
    this.#quiet = quiet;
    this.video = el('video', {
      playsinline: true, data: { stream }, 'aria-label': `Stream ${stream}`,
      on: {
        volumechange: () => this.#showSound(),
        playing: () => this.#showPlaying(),
        resize: () => this.#showPlaying(),
      },
    });
    this.video.muted = quiet;
    this.note = el('p', { class: 'screen-note', role: 'status' });
    this.unmute = el('button', { type: 'button', class: 'unmute', text: 'Turn sound on', data: { action: 'unmute' }, on: { click: () => this.#soundOn() } });
    this.unmute.hidden = true;
    this.again = el('button', { type: 'button', text: 'Try again', data: { action: 'again' }, on: { click: () => this.start() } });
    this.again.hidden = true;
    const link = el('button', { type: 'button', text: 'Copy link', 'aria-label': `Copy link to ${stream}`, on: { click: () => copyLink(link, stream) } });
    this.closing = el('button', {
      type: 'button', text: 'Close', 'aria-label': `Stop watching ${stream}`, data: { action: 'close' }, on: { click: () => leave(stream) },
    });
    this.graphs = {
      bitrate: new Graph({ label: 'Received', name: 'bitrate', format: format.bitrate, floor: 100_000 }),
      loss: new Graph({ label: 'Loss', name: 'loss', format: format.percent, floor: 0.02 }),
      roundTrip: new Graph({ label: 'Round trip', name: 'round-trip', format: format.millis, floor: 10 }),
      frames: new Graph({ label: 'Frames/s', name: 'frames', format: format.rate, floor: 30 }),
    };
    this.facts = el('dl', { class: 'facts' });
    this.element = el('article', {
      class: 'panel tile', 'aria-label': `Watching ${stream}`, data: { tile: stream, state: 'new' },
      on: { keydown: (event) => this.#key(event) },
    },
    el('header', { class: 'panel-head' }, el('h3', {}, el('span', { class: 'dot' }), stream), el('div', { class: 'tile-actions' }, link, this.closing)),
    el('div', { class: 'screen' }, this.video, el('div', { class: 'screen-over' }, this.note, this.again), this.unmute),
    el('div', { class: 'graphs' }, ...Object.values(this.graphs).map((graph) => graph.element)),
    this.facts);
  }

  start() {
    const session = viewer({ stream: this.#stream, wait: this.#wait });
    this.session = session;
    viewers.set(this.#stream, session);
    session.addEventListener('connection', () => this.#fresh());
    session.addEventListener('track', ({ detail }) => this.#add(detail.track));
    session.addEventListener('state', () => session === this.session && this.#show());
    this.#stopObserving();
    this.#stopObserving = observe(session, (figures) => this.#figures(figures));
    session.run();
  }

  close() {
    this.#stopObserving();
    this.session?.stop();
    this.video.srcObject = null;
    for (const graph of Object.values(this.graphs)) graph.remove();
    this.element.remove();
  }

  /** A new connection brings new tracks. */
  #fresh() {
    this.#media = new MediaStream();
    this.#playing = false;
    this.#away = false;
  }

  #add(track) {
    this.#media.addTrack(track);
    if (this.video.srcObject !== this.#media) this.video.srcObject = this.#media;
    this.#play();
  }

  /** With sound if the browser lets us, else without and with a button. */
  async #play() {
    try {
      await this.video.play();
    } catch (error) {
      if (error.name !== 'NotAllowedError' || this.video.muted) return;
      this.video.muted = true;
      this.#quiet = true;
      await this.video.play().catch(() => {});
    }
    this.#showSound();
  }

  #soundOn() {
    this.video.muted = false;
    this.#quiet = false;
    this.video.play().catch(() => {});
    this.video.focus();
  }

  #showSound() {
    if (!this.video.muted) this.#quiet = false;
    this.unmute.hidden = !(this.#quiet && this.video.muted && this.#playing);
  }

  #showPlaying() {
    this.#playing = true;
    this.#showSound();
    this.#show();
  }

  #show() {
    const { state, text } = this.session;
    this.element.dataset.state = this.#away && state === 'connected' ? 'away' : state;
    let first = '';
    if (state === 'connected' && !this.#playing) first = 'Waiting for a picture …';
    else if (state === 'connected' && !this.video.videoWidth) first = 'Sound only';
    // Without media the browser's controls would only be in the way.
    this.video.controls = this.#playing;
    const away = state === 'connected' && this.#away ? 'The publisher is away. The picture goes on when it is back.' : '';
    const known = state === 'waiting' ? TEXTS.waiting : text || TEXTS[state];
    setText(this.note, away || first || known || '');
    this.note.classList.toggle('quiet', !this.note.textContent);
    if (!this.session.over && this.again === document.activeElement) this.closing.focus();
    this.again.hidden = !this.session.over;
  }

  #figures({ streams, roundTrip, worker }) {
    const video = streams.find((stream) => stream.kind === 'video');
    const audio = streams.find((stream) => stream.kind === 'audio');
    this.graphs.bitrate.push(total(streams.map((stream) => stream.bitrate)));
    this.graphs.loss.push(worst(streams.map((stream) => stream.loss)));
    this.graphs.roundTrip.push(roundTrip);
    this.graphs.frames.push(video?.frames);
    const away = worker?.published === false;
    if (away !== this.#away) {
      this.#away = away;
      this.#show();
    }
    this.#showFacts([
      ['Size', format.size(video?.width, video?.height)],
      ['Codecs', [video, audio].map((each) => format.codec(each?.codec)).filter(Boolean).join(' + ') || '–'],
      ['Jitter', format.millis(video?.jitter ?? audio?.jitter)],
      ['Lost', String(total(streams.map((stream) => stream.lost)) ?? '–')],
      ['Freezes', String(video?.freezes ?? '–')],
      ['Worker sends', format.bitrate(worker?.transports?.[0]?.sendBitrate)],
    ]);
  }

  #showFacts(facts) {
    if (this.facts.children.length !== facts.length) {
      this.facts.replaceChildren(...facts.map(([name]) => el('div', {}, el('dt', { text: name }), el('dd'))));
    }
    facts.forEach(([, value], at) => setText(this.facts.children[at].lastElementChild, value));
  }

  #key(event) {
    // In full screen, Escape belongs to the browser.
    if (event.key !== 'Escape' || document.fullscreenElement || event.defaultPrevented) return;
    event.preventDefault();
    leave(this.#stream);
  }
}

/** Closes a tile and puts the focus where the stream can be watched again. */
function leave(stream) {
  unwatch(stream);
  (document.getElementById(`watch-${stream}`) ?? $('watch-name')).focus();
}

async function copyLink(button, stream) {
  const url = new URL(location.href);
  url.hash = `watch=${stream}`;
  try {
    await navigator.clipboard.writeText(url.href);
    setText(button, 'Copied');
  } catch {
    prompt('Link to this stream', url.href);
  }
  setTimeout(() => setText(button, 'Copy link'), 1500);
}
