// The plugin `webhook`: what was posted where, what failed, what waits.
import { figure, table } from '../figures.js';

export const title = 'Webhooks';
const sum = (info, names) => names.reduce((all, name) => all + (figure(info, name) ?? 0), 0);

/** The view in its panel. */
export function make({ ask }) {
  const hooks = table({
    caption: 'Webhooks', empty: 'No hook is configured.', key: ({ to }) => to,
    columns: [
      ['To', ({ to }) => to], ['Delivered', ({ delivered }) => delivered], ['Waiting', ({ waiting }) => waiting],
      ['Refused', ({ refused }) => refused], ['Failed', ({ failed }) => failed], ['Dropped', ({ dropped }) => dropped],
      ['Last error', ({ lastError }) => (lastError === null ? 'none' : String(lastError).slice(0, 300))],
    ],
  });
  return {
    // Events are of the whole worker: hooks are left out instead.
    switchless: true,
    element: hooks.element,
    async refresh(info, open) {
      if (open) hooks.show((await ask({ method: 'status' })).hooks ?? []);
    },
    head(info) {
      const bad = sum(info, ['refused', 'failed', 'dropped']);
      const all = sum(info, ['delivered', 'waiting', 'retries']) + bad;
      const delivered = (figure(info, 'delivered') ?? 0).toLocaleString('en');
      const waiting = figure(info, 'waiting') ?? 0;
      const line = [`${delivered} delivered`, waiting ? `${waiting} waiting` : '', bad ? `${bad} lost` : ''].filter(Boolean).join(', ');
      return { news: all > 0, line: all > 0 ? line : '' };
    },
  };
}
