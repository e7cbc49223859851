// The plugin `red`: redundant audio, taken off, restored and given.
import { factList, figure } from '../figures.js';

export const title = 'Redundant audio';

/** The view in its panel. */
export function make() {
  const list = factList();
  return {
    element: list.element,
    refresh(info) {
      const value = (name) => (figure(info, name) ?? 0).toLocaleString('en');
      list.show([
        ['Senders with redundancy', value('senders')], ['Receivers with redundancy', value('receivers')],
        ['Restored packets', value('restored_packets')], ['Malformed packets', value('malformed_packets')],
      ]);
    },
    head(info) {
      const [senders, receivers] = [figure(info, 'senders') ?? 0, figure(info, 'receivers') ?? 0];
      const news = senders + receivers > 0;
      const restored = (figure(info, 'restored_packets') ?? 0).toLocaleString('en');
      return { news, line: news ? `${senders} in, ${receivers} out, ${restored} packets restored` : '' };
    },
  };
}
