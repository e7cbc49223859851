// The frame of a plugin's panel: a head that says how the plugin is, and a body that is shown on demand.
import { el, setText } from './dom.js';

/** Opens by itself the first time that it has something to say; from then on it stands as its user left it. */
export class Panel {
  #touched = false;

  constructor(id, title, onOpen) {
    this.title = el('h3', { text: title });
    this.state = el('span', { class: 'plugin-state' });
    this.line = el('span', { class: 'plugin-line' });
    const summary = el('summary', { on: { click: () => { this.#touched = true; } } }, this.title, this.line, this.state);
    this.body = el('div', { class: 'plugin-body' });
    this.element = el('details', { class: 'panel plugin', id: `panel-${id}`, data: { plugin: id }, on: { toggle: onOpen } },
      summary, this.body);
  }

  get open() {
    return this.element.open;
  }

  /** `state` is `on`, `off`, `part` or `bad`, `word` says it; `line` is the news in a few words. */
  show({ state, word, line, news }) {
    this.element.dataset.state = state;
    setText(this.state, word);
    setText(this.line, line);
    if (news && !this.#touched) {
      this.#touched = true;
      this.element.open = true;
    }
  }
}
