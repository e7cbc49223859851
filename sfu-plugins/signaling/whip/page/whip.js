// Publishing over WHIP (RFC 9725).
import { prefer } from './codecs.js';
import { streamPath } from './http.js';
import { Session } from './session.js';

/** How long a publisher whose connection broke tries to come back, in ms. */
const COMING_BACK = 90_000;

/** Three encodings of one picture, smallest first, as Chromium allots its bitrate. */
const SIMULCAST = [
  { rid: 'q', scaleResolutionDownBy: 4 },
  { rid: 'h', scaleResolutionDownBy: 2 },
  { rid: 'f', scaleResolutionDownBy: 1 },
];

/** A publisher of `media` (a MediaStream). `codec` is a MIME type, or `auto`. */
export function publisher({ stream, media, codec, simulcast }) {
  const prepare = (pc) => {
    for (const track of media.getTracks()) {
      const video = track.kind === 'video';
      const init = { direction: 'sendonly', streams: [media] };
      if (video && simulcast) init.sendEncodings = SIMULCAST.map((encoding) => withMode(encoding, codec));
      const transceiver = pc.addTransceiver(track, init);
      if (video) prefer(transceiver, codec);
    }
  };
  // 409 on coming back: the worker still believes in the connection that was lost.
  const retry = ({ status, retryAfter }, lost) => {
    const passing = [0, 409, 429, 502, 503, 504].includes(status);
    return lost && lost < COMING_BACK && passing ? Math.max(2, retryAfter ?? 0) * 1000 : undefined;
  };
  const session = new Session({ stream, role: 'publisher', endpoint: streamPath('whip', stream), prepare, retry });
  session.endsWhenClosed = true;
  return session;
}

/** VP9 and AV1 would put all sizes into one stream of layers, were they not told otherwise. */
function withMode(encoding, codec) {
  return /VP9|AV1/i.test(codec) ? { ...encoding, scalabilityMode: 'L1T1' } : { ...encoding };
}
