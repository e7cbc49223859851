// A small graph of the last minute: one line, or one per encoding, on a fine grid.
import { el, setText } from './dom.js';

/** Samples across. */
const SPAN = 60;
const TRACES = ['--trace-1', '--trace-2', '--trace-3'];
const HEIGHT = 44;

const graphs = new Set();
const redraw = () => graphs.forEach((graph) => (graph.element.isConnected ? graph.draw() : 0));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => target.graph?.draw()));

/** `format` writes a value with its unit; `floor` is the least height of the scale. */
export class Graph {
  #format;
  #floor;
  #canvas;
  #value;
  #top;
  #label;
  #history = [];

  constructor({ label, name, format, floor }) {
    this.#label = label;
    this.#format = format;
    this.#floor = floor;
    this.#value = el('output', { class: 'graph-value', text: '–' });
    this.#top = el('span', { class: 'graph-top', 'aria-hidden': 'true' });
    this.#canvas = el('canvas', { role: 'img', 'aria-label': `${label}, last minute` });
    this.#canvas.graph = this;
    this.element = el('div', { class: 'graph', data: { graph: name } },
      el('div', { class: 'graph-head' }, el('span', { class: 'graph-label', text: label }), this.#value),
      el('div', { class: 'graph-plot' }, this.#canvas, this.#top));
    sizes.observe(this.#canvas);
    graphs.add(this);
  }

  /** Adds a sample: the figure to show, and the values of the lines (by default the figure alone). */
  push(figure, values = [figure]) {
    this.#history.push(values.slice(0, TRACES.length));
    if (this.#history.length > SPAN) this.#history.shift();
    setText(this.#value, this.#format(figure));
    this.element.dataset.value = Number.isFinite(figure) ? String(figure) : '';
    this.#canvas.setAttribute('aria-label', `${this.#label}, now ${this.#format(figure)}`);
    this.draw();
  }

  /** Starts anew. */
  clear() {
    this.#history = [];
    setText(this.#value, '–');
    this.draw();
  }

  /** Lets go of the graph. */
  remove() {
    sizes.unobserve(this.#canvas);
    graphs.delete(this);
    this.element.remove();
  }

  draw() {
    const width = this.#canvas.clientWidth;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(HEIGHT * ratio)];
    if (this.#canvas.width !== w || this.#canvas.height !== h) Object.assign(this.#canvas, { width: w, height: h });
    const paint = this.#canvas.getContext('2d');
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, width, HEIGHT);
    const colors = getComputedStyle(this.#canvas);

    const highest = Math.max(this.#floor, ...this.#history.flat().filter(Number.isFinite));
    const scale = ceiling(highest);
    setText(this.#top, this.#history.length ? this.#format(scale) : '');
    const x = (at) => ((at + SPAN - this.#history.length) / (SPAN - 1)) * width;
    const y = (value) => HEIGHT - 1.5 - (value / scale) * (HEIGHT - 4);

    paint.strokeStyle = colors.getPropertyValue('--grid');
    paint.lineWidth = 1;
    paint.beginPath();
    for (let quarter = 1; quarter < 4; quarter += 1) {
      const at = Math.round((quarter * width) / 4) + 0.5;
      paint.moveTo(at, 0);
      paint.lineTo(at, HEIGHT);
    }
    paint.moveTo(0, Math.round(HEIGHT / 2) + 0.5);
    paint.lineTo(width, Math.round(HEIGHT / 2) + 0.5);
    paint.stroke();

    const lines = Math.max(0, ...this.#history.map((values) => values.length));
    for (let line = lines - 1; line >= 0; line -= 1) {
      this.#trace(paint, colors.getPropertyValue(TRACES[line]), line, { x, y, fill: lines === 1 });
    }
  }

  #trace(paint, color, line, { x, y, fill }) {
    const path = new Path2D();
    const area = new Path2D();
    let from = null;
    let last = 0;
    const land = () => {
      if (from !== null) area.lineTo(last, HEIGHT);
      from = null;
    };
    this.#history.forEach((values, at) => {
      if (!Number.isFinite(values[line])) return land();
      const [px, py] = [x(at), y(values[line])];
      if (from === null) {
        from = px;
        area.moveTo(px, HEIGHT);
        path.moveTo(px, py);
      }
      path.lineTo(px, py);
      area.lineTo(px, py);
      last = px;
      return undefined;
    });
    land();
    paint.strokeStyle = color;
    paint.fillStyle = color;
    if (fill) {
      paint.globalAlpha = 0.13;
      paint.fill(area);
      paint.globalAlpha = 1;
    }
    paint.lineWidth = 1.5;
    paint.lineJoin = 'round';
    paint.stroke(path);
  }
}

/** The next of 1, 2, 5, 10, 20 … */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}
