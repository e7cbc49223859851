// The plugin `metrics`: a few live figures, and the text that Prometheus reads.
import { adminToken, api, send } from '../admin.js';
import { el, setText } from '../dom.js';
import { factList } from '../figures.js';
import * as format from '../format.js';

export const title = 'Metrics';
/** Characters of the text that are shown at the most. */
const SHOWN = 100_000;

/** The view in its panel. */
export function make() {
  const list = factList();
  const link = el('a', { href: '/metrics', target: '_blank', rel: 'noreferrer', text: 'Open /metrics' });
  const text = el('pre', { class: 'answer', tabindex: '0', 'aria-label': 'Figures as text' });
  text.hidden = true;
  const status = el('p', { class: 'status', role: 'status' });
  const show = async () => {
    try {
      const answer = await (await send('metrics')).text();
      setText(text, answer.length > SHOWN ? `${answer.slice(0, SHOWN)}\n…` : answer);
      text.hidden = false;
      setText(status, '');
    } catch (error) {
      setText(status, error.message);
    }
  };
  const button = el('button', { type: 'button', text: 'Show them here', data: { action: 'metrics' }, on: { click: show } });
  return {
    switchless: true,
    element: el('div', {}, list.element, el('div', { class: 'links' }, link, button), status, text),
    async refresh(info, open) {
      // A link can't carry a token.
      link.hidden = adminToken.get() !== '';
      if (!open) return;
      const { workers } = await api('workers');
      const sum = (name) => workers.reduce((all, worker) => all + (worker[name] ?? 0), 0);
      list.show([
        ['Media threads', workers.length], ['Transports', sum('transports')], ['Producers', sum('producers')],
        ['Consumers', sum('consumers')], ['Received', format.bitrate(sum('receiveBitrate'))], ['Sent', format.bitrate(sum('sendBitrate'))],
      ]);
    },
    head: () => ({ line: '', news: false }),
  };
}
