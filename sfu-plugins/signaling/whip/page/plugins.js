// The plugins of this worker, a panel for each: those that the admin API tells of, and the room that data channels found.
import { adminToken, api, ask, switchPlugin } from './admin.js';
import { $, el, setText, sleep } from './dom.js';
import { cost, facts, factList, faults } from './figures.js';
import { Panel } from './panel.js';
import { isEmpty, requestForm } from './request-form.js';
import * as audioSelector from './panels/audio-selector.js';
import * as dataRouter from './panels/data-router.js';
import * as metrics from './panels/metrics.js';
import * as policy from './panels/policy.js';
import * as recorder from './panels/recorder.js';
import * as red from './panels/red.js';
import * as tap from './panels/tap.js';
import * as webhook from './panels/webhook.js';

/** Plugins that have a view of their own; any other has figures, switch and requests. In this order. */
const VIEWS = { recorder, 'data-router': dataRouter, 'audio-selector': audioSelector, policy, red, tap, webhook, metrics };
const ORDER = Object.keys(VIEWS);
/** Between two questions while a panel is open, and while none is, in ms. */
const OPEN = 5000;
const CLOSED = 12_000;
/** Panels at the most. */
const MOST = 64;

const panels = new Map();
let wake = () => {};
let live = [];
/** What the admin API was found to be: `open`, `closed` (it wants its token), `none`; '' while that is not known. */
let door = '';

/** Asks what plugins there are, shows them, and keeps them up to date. */
export async function setUpPlugins() {
  $('admin-token').value = adminToken.get();
  $('admin-form').addEventListener('submit', (event) => {
    event.preventDefault();
    adminToken.set($('admin-token').value);
    door = '';
    wake();
  });
  document.addEventListener('visibilitychange', () => document.hidden || wake());
  dataRouter.onRoom(() => {
    // A room answers whether or not the admin API talks to this page.
    const there = panels.get('data-router');
    if (dataRouter.hasRoom() && !there) place({ id: 'data-router' });
    else if (!dataRouter.hasRoom() && door !== 'open') remove('data-router');
    there?.showHead();
    wake();
  });
  for (;;) {
    // Who was refused is not asked again and again.
    if (!document.hidden && door !== 'closed' && door !== 'none') await refresh();
    const pause = [...panels.values()].some((each) => each.panel.open) ? OPEN : CLOSED;
    await Promise.race([sleep(pause), new Promise((done) => { wake = done; })]);
  }
}

/** The live streams of the page's list. */
export function noticeStreams(streams) {
  live = streams;
  for (const { view } of panels.values()) view?.streams?.(live);
  wake();
}

async function refresh() {
  let found = [];
  try {
    const { plugins } = await api('plugins');
    // What is linked but not composed in has no switch.
    found = (Array.isArray(plugins) ? plugins : []).filter((info) => info.switch).slice(0, MOST);
    door = 'open';
  } catch (error) {
    // A worker that is silent for a moment keeps its panels.
    if (error.status === 0) return;
    door = error.status === 401 ? 'closed' : 'none';
    setText($('admin-status'), adminToken.get() && door === 'closed' ? 'The worker does not know this admin token.' : '');
  }
  $('admin-form').hidden = door !== 'closed';
  found.sort((a, b) => rank(a) - rank(b));
  for (const id of [...panels.keys()]) {
    if (!found.some((info) => info.id === id) && !(id === 'data-router' && dataRouter.hasRoom())) remove(id);
  }
  for (const info of found) place(info);
  if (door !== 'open' && dataRouter.hasRoom()) place({ id: 'data-router' });
  showSection();
  await Promise.all([...panels.values()].map((each) => each.refresh()));
}

const rank = ({ id }) => (ORDER.indexOf(id) + 1 || ORDER.length + 1);

function showSection() {
  $('plugins').hidden = panels.size === 0 && door !== 'closed';
  setText($('plugins-count'), panels.size ? String(panels.size) : '');
}

function place(info) {
  let shown = panels.get(info.id);
  if (!shown) {
    shown = new PluginPanel(info.id);
    panels.set(info.id, shown);
    const next = [...$('panels').children].find((each) => rank({ id: each.dataset.plugin }) > rank(info));
    $('panels').insertBefore(shown.panel.element, next ?? null);
    showSection();
  }
  shown.take(info);
}

function remove(id) {
  panels.get(id)?.close();
  panels.delete(id);
  showSection();
}

class PluginPanel {
  #id;
  #info = {};
  #facts = factList();
  #forms = '';

  constructor(id) {
    this.#id = id;
    const known = Object.hasOwn(VIEWS, id) ? VIEWS[id] : undefined;
    this.panel = new Panel(id, known?.title ?? id, () => this.panel.open && wake());
    this.view = known?.make({ ask: (request, target) => ask(id, request, target), changed: () => wake() });
    this.view?.streams?.(live);
    this.about = el('p', { class: 'hint' });
    this.trouble = el('p', { class: 'trouble', role: 'status' });
    this.costs = el('p', { class: 'hint' });
    this.button = el('button', { type: 'button', data: { switch: id }, on: { click: () => this.#turn() } });
    this.status = el('p', { class: 'status', role: 'status' });
    this.forms = el('details', { class: 'more' }, el('summary', { text: 'Ask it, or switch it on with options' }));
    this.figures = el('details', { class: 'more' }, el('summary', { text: 'Figures' }), this.#facts.element, this.costs);
    this.own = el('div', { class: 'plugin-own' }, el('div', { class: 'plugin-about' }, this.about, this.button), this.trouble,
      this.status, this.figures, this.forms);
    this.figures.open = !known;
    if (this.view) this.panel.body.append(this.view.element);
    this.panel.body.append(this.own);
  }

  /** What the admin API says of it; nothing but its id where it says nothing. */
  take(info) {
    this.#info = info;
    const { switch: known, faults: wrong } = info;
    this.own.hidden = !known;
    if (known) {
      const bad = (wrong?.quarantined ?? 0) > 0;
      setText(this.about, [info.about, info.version].filter(Boolean).join(' – '));
      setText(this.trouble, faults(info));
      setText(this.costs, `Cost: ${cost(info)}.`);
      this.#facts.show(facts(info));
      setText(this.button, known.on ? 'Switch off' : 'Switch on');
      this.button.setAttribute('aria-label', `${known.on ? 'Switch off' : 'Switch on'} ${this.#id}`);
      this.button.hidden = this.view?.switchless === true;
      this.state = bad ? 'bad' : known.on ? 'on' : known.targets > 0 ? 'part' : 'off';
      this.word = { bad: 'in quarantine', on: 'on', off: 'off', part: `set for ${known.targets}` }[this.state];
      this.#showForms(info);
    } else {
      [this.state, this.word] = ['on', ''];
    }
    this.showHead();
  }

  /** The view asks for more where it is shown, or where it has to know whether it has news. */
  async refresh() {
    const { view } = this;
    if (!view) return;
    try {
      await view.refresh?.(this.#info, this.panel.open);
    } catch (error) {
      // A refusal belongs to the panel; a worker that is silent for a moment does not.
      if (error.status) setText(this.status, error.message);
    }
    this.showHead();
  }

  close() {
    this.view?.close?.();
    this.panel.element.remove();
  }

  /** What is said while it is closed, too. */
  showHead() {
    const { line = '', news = false } = this.view?.head?.(this.#info) ?? {};
    const trouble = this.#info.switch ? faults(this.#info) : '';
    this.panel.show({ state: this.state, word: this.word, line: trouble || line, news: news || this.state === 'bad' });
  }

  #showForms({ options, request }) {
    // They only change with the worker's program: what is being filled in stays.
    const told = JSON.stringify([options, request]);
    if (told === this.#forms) return;
    this.#forms = told;
    const forms = [];
    if (request && !isEmpty(request)) {
      forms.push(requestForm({ schema: request, label: 'Ask', withTarget: true, send: (value, target) => ask(this.#id, value, target) }));
    }
    if (options && !isEmpty(options)) {
      forms.push(el('h4', { text: 'Switch on with options' }), requestForm({
        schema: options, label: 'Switch on', withTarget: false,
        send: async (value) => { await switchPlugin(this.#id, true, value); wake(); },
      }));
    }
    this.forms.hidden = forms.length === 0;
    const [asks, takes] = [request && !isEmpty(request), options && !isEmpty(options)];
    setText(this.forms.firstElementChild, asks && takes ? 'Ask it, or switch it on with options' : asks ? 'Ask it' : 'Switch it on with options');
    this.forms.replaceChildren(this.forms.firstElementChild, ...forms);
  }

  async #turn() {
    try {
      await switchPlugin(this.#id, !this.#info.switch?.on);
      setText(this.status, '');
    } catch (error) {
      setText(this.status, error.message);
    }
    wake();
  }
}
