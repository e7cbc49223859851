// The plugin `policy`: who may send how much, and what was too much.
import { merged } from '../admin.js';
import { figure, table } from '../figures.js';
import * as format from '../format.js';

export const title = 'Policy';
const limit = (value, text) => (value ? text(value) : 'no limit');

/** The view in its panel. */
export function make({ ask }) {
  const producers = table({
    caption: 'Limits of what is published', empty: 'Nothing that is published has a limit.', key: ({ producer }) => producer,
    columns: [
      ['Stream', ({ stream, producer, kind }) => `${stream ?? producer}, ${kind}`],
      ['May send', ({ bitrate }) => limit(bitrate, format.bitrate)],
      ['Packets/s', ({ packetRate }) => limit(packetRate, String)],
      ['Dropped', ({ droppedPackets, droppedBytes }) => (droppedPackets ? `${droppedPackets} (${format.bytes(droppedBytes)})` : '0')],
    ],
  });
  return {
    element: producers.element,
    async refresh(info, open) {
      if (open) producers.show(merged(await ask({ method: 'status' }), 'producers'));
    },
    head(info) {
      const [refused, dropped, limited] = ['refused', 'dropped_packets', 'limited'].map((name) => figure(info, name) ?? 0);
      const line = [limited ? `${limited} limited` : '', refused ? `${refused} refused` : '', dropped ? `${dropped.toLocaleString('en')} packets dropped` : ''];
      return { news: refused + dropped + limited > 0, line: line.filter(Boolean).join(', ') };
    },
  };
}
