// Watching over WHEP (draft-ietf-wish-whep).
import { streamPath } from './http.js';
import { Session } from './session.js';

/** Between two questions, in ms. */
const AGAIN = 2_000;
/** How long a viewer that does not wait tries to come back after its connection broke, in ms. */
const COMING_BACK = 60_000;

/** A viewer of `stream`. With `wait` it asks every two seconds until the stream is live, now and whenever it ends. */
export function viewer({ stream, wait }) {
  const prepare = (pc) => {
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
  };
  const retry = ({ status, retryAfter }, lost) => {
    if (status === 404) return wait ? AGAIN : undefined;
    const passing = [0, 409, 429, 502, 503, 504].includes(status);
    const patient = wait || (lost && lost < COMING_BACK);
    return passing && patient ? Math.max(AGAIN, (retryAfter ?? 0) * 1000) : undefined;
  };
  return new Session({ stream, role: 'viewer', endpoint: streamPath('whep', stream), prepare, retry });
}
