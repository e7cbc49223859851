// The list of live streams, and the field to watch one by name.
import { $, el, keyed, setText } from './dom.js';
import * as format from './format.js';
import { nameProblem } from './http.js';
import { publishers } from './publish.js';
import { isWatched, unwatch, watch } from './watch.js';

let current = [];

/** Brings the panel to life. */
export function setUpLive() {
  $('watch-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const name = $('watch-name').value.trim();
    const problem = nameProblem(name);
    setText($('watch-error'), problem);
    $('watch-error').hidden = !problem;
    $('watch-name').setAttribute('aria-invalid', String(Boolean(problem)));
    if (problem) return $('watch-name').focus();
    watch(name, { wait: $('watch-wait').checked, quiet: publishers.has(name) });
    $('watch-name').value = '';
    return undefined;
  });
  setInterval(() => current.length && showLive(current), 30_000);
}

/** Shows the streams; without an argument the same ones in their new state. */
export function showLive(streams = current) {
  current = streams;
  keyed($('streams'), streams, ({ name }) => name, row, update);
  $('streams-empty').hidden = streams.length > 0;
  setText($('live-count'), streams.length ? String(streams.length) : '');
}

function row({ name }) {
  const button = el('button', { type: 'button', id: `watch-${name}`, data: { watch: name } });
  button.addEventListener('click', () => {
    if (isWatched(name)) unwatch(name);
    else watch(name, { quiet: publishers.has(name) });
  });
  return el('li', { class: 'row', data: { stream: name } },
    el('span', { class: 'dot' }),
    el('span', { class: 'row-name', text: name }),
    el('span', { class: 'row-codecs' }),
    el('span', { class: 'row-viewers' }),
    button);
}

function update(item, { name, publisher, codecs, viewers }) {
  const [, , about, count, button] = item.children;
  const state = publisher ? publisher.state : 'away';
  item.dataset.state = state;
  item.dataset.viewers = String(viewers);
  const names = codecs.toSorted((a, b) => b.localeCompare(a)).map(format.codec).join(' + ');
  const texts = { away: 'publisher is away', lost: 'publisher is lost', connecting: 'connecting' };
  setText(about, [publishers.has(name) ? 'from this page' : '', texts[state] ?? `${names}, ${age(publisher.since)}`].filter(Boolean).join(', '));
  setText(count, viewers === 1 ? '1 viewer' : `${viewers} viewers`);
  const on = isWatched(name);
  setText(button, on ? 'Close' : 'Watch');
  button.setAttribute('aria-label', on ? `Stop watching ${name}` : `Watch ${name}`);
  button.classList.toggle('primary', !on);
}

/** Since when, roughly: the clocks of worker and browser may differ. */
function age(since) {
  const minutes = Math.floor((Date.now() - since) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}
