// The plugin `tap`: which streams are handed out, and who reads them.
import { merged } from '../admin.js';
import { el } from '../dom.js';
import { figure, table } from '../figures.js';

export const title = 'Tap';

/** The view in its panel. */
export function make({ ask }) {
  const streams = table({
    caption: 'Streams that are handed out', empty: 'No stream is handed out.', key: ({ stream, encoding }) => `${stream}-${encoding}`,
    columns: [
      ['Stream', ({ labels, producer }) => labels?.stream ?? producer], ['Codec', ({ codec }) => codec],
      ['Frames', ({ frames }) => frames], ['Incomplete', ({ incomplete }) => incomplete],
    ],
  });
  const readers = table({
    caption: 'Readers', empty: 'Nobody reads.', key: ({ reader }) => reader,
    columns: [
      ['Reader', ({ reader }) => reader], ['Frames', ({ frames }) => frames], ['Dropped', ({ dropped }) => dropped],
      ['Waiting', ({ waitingFrames }) => waitingFrames],
    ],
  });
  return {
    element: el('div', {}, streams.element, readers.element),
    async refresh(info, open) {
      if (!open) return;
      const answers = await ask({ method: 'list' });
      streams.show(merged(answers, 'streams'));
      readers.show(merged(answers, 'readers'));
    },
    head(info) {
      const readers = figure(info, 'readers') ?? 0;
      const dropped = ['dropped_ring_full', 'dropped_queue_full'].reduce((sum, name) => sum + (figure(info, name) ?? 0), 0);
      const frames = (figure(info, 'sent_frames') ?? 0).toLocaleString('en');
      const line = `${readers === 1 ? '1 reader' : `${readers} readers`}, ${frames} frames sent${dropped ? `, ${dropped} dropped` : ''}`;
      return { news: readers > 0, line: readers || figure(info, 'tracks') ? line : '' };
    },
  };
}
