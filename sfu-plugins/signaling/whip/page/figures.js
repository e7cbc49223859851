// Figures of a plugin: what it says itself, what it costs, what went wrong with it.
import { el, setText } from './dom.js';

/** Figures that are shown at the most. */
const MOST = 64;

/** A figure of `GET /api/plugins` as one number, or undefined. */
export function figure(info, name) {
  const all = info?.stats?.[name];
  if (typeof all?.sum === 'number') return all.sum;
  if (typeof all?.max === 'number') return all.max;
  return undefined;
}

const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value.toLocaleString('en') : '–');

function text(value) {
  if (typeof value?.sum === 'number') return number(value.sum);
  if (typeof value?.max === 'number') return `${number(value.max)} at most`;
  const each = Object.entries(value?.per_worker ?? {}).slice(0, 64);
  return each.map(([worker, count]) => `${worker}: ${number(count)}`).join(', ') || '–';
}

const FAULTS = {
  panics: ['panic', 'panics'],
  overruns: ['slow call', 'slow calls'],
  detached: ['time detached', 'times detached'],
  rebuilt: ['time made anew', 'times made anew'],
  refusedCommands: ['refused command', 'refused commands'],
  quarantined: ['media thread calls it no more', 'media threads call it no more'],
};

/** What went wrong, in words; '' if nothing did. */
export function faults(info) {
  const words = Object.entries(FAULTS).map(([name, [one, many]]) => {
    const count = info?.faults?.[name] ?? 0;
    return count > 0 ? `${number(count)} ${count === 1 ? one : many}` : '';
  });
  return words.filter(Boolean).join(', ');
}

/** What it costs, in words. */
export function cost(info) {
  const { calls = 0, nanoseconds = 0 } = info?.cost ?? {};
  if (!calls) return 'no calls sampled yet';
  return `${number(Math.round(nanoseconds / calls))} ns for each of ${number(calls)} calls, by samples`;
}

/** A list of names and values that keeps its elements. */
export function factList() {
  const element = el('dl', { class: 'facts' });
  const show = (facts) => {
    const names = facts.map(([name]) => name).join('\n');
    if (element.dataset.names !== names) {
      element.dataset.names = names;
      element.replaceChildren(...facts.map(([name]) => el('div', {}, el('dt', { text: name }), el('dd'))));
    }
    facts.forEach(([, value], at) => setText(element.children[at].lastElementChild, String(value)));
  };
  return { element, show };
}

/** All figures of a plugin as facts. */
export function facts(info) {
  const all = Object.entries(info?.stats ?? {});
  const shown = all.slice(0, MOST).map(([name, value]) => [name.replaceAll('_', ' '), text(value)]);
  if (all.length > MOST) shown.push(['more', number(all.length - MOST)]);
  return shown;
}

/** A table whose rows keep their elements. `columns` are `[title, value of a row]`; `caption` is for screen readers. */
export function table({ caption, columns, key, empty, most = 200 }) {
  const head = el('tr', {}, ...columns.map(([title]) => el('th', { scope: 'col', text: title })));
  const body = el('tbody');
  const element = el('div', { class: 'table-scroll bounded', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', { class: 'plugin-table' }, el('caption', { class: 'visually-hidden', text: caption }), el('thead', {}, head), body));
  const none = el('p', { class: 'empty', text: empty });
  const show = (rows) => {
    const shown = rows.slice(0, most);
    element.hidden = shown.length === 0;
    none.hidden = shown.length > 0;
    while (body.rows.length > shown.length) body.lastElementChild.remove();
    while (body.rows.length < shown.length) {
      body.append(el('tr', {}, ...columns.map((_, at) => (at === 0 ? el('th', { scope: 'row' }) : el('td')))));
    }
    shown.forEach((row, at) => {
      const tr = body.rows[at];
      tr.dataset.key = String(key(row));
      columns.forEach(([, value], column) => setText(tr.cells[column], String(value(row) ?? '–')));
    });
  };
  return { element: el('div', {}, element, none), show };
}

