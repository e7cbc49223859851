// One WHIP or WHEP session over its whole life: offer, answer, ICE restarts, coming back, and the end.
import { sleep } from './dom.js';
import { Refused, request } from './http.js';
import { fragment, gathered, iceServers, restarted } from './ice.js';

const OFFER_TYPE = 'application/sdp';
const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
/** How long a broken path is repaired before the session is given up for a new one, in ms. */
const PATIENCE = 60_000;
/** A connection often heals by itself within this time, in ms. */
const GRACE = 1_500;

/** Every session that is not over; on leaving the page all are ended. */
const open = new Set();

/** Says `begin` before a session of this page does anything, and `end` when it is over; `detail` is the session. */
export const sessions = new EventTarget();
const announce = (type, detail) => sessions.dispatchEvent(new CustomEvent(type, { detail }));

addEventListener('pagehide', () => {
  for (const session of open) session.leave();
});

/**
 * States: `new`, `connecting`, `connected`, `interrupted`, `waiting`, `ended`, `failed`; each change is an event `state`.
 * A new `pc` is an event `connection` (before anything is negotiated), what it receives an event `track`.
 */
export class Session extends EventTarget {
  state = 'new';
  text = '';
  pc = null;
  /** The data channel of `pc`. Who reads its messages is up to the worker's plugins; without one they come back. */
  channel = null;
  /** The session's URL once the worker gave one. */
  url = null;
  stream;
  /** `publisher` or `viewer`. */
  role;
  #endpoint;
  #prepare;
  #retry;
  #abort = new AbortController();
  #answer = '';
  #lostSince = 0;
  #everConnected = false;
  #giveUp = null;

  /**
   * `prepare(pc)` adds tracks or transceivers. `retry` says how a refused offer is taken:
   * `(refused, lost) => milliseconds | undefined`, `lost` being the milliseconds since a connection broke, 0 if none did.
   */
  constructor({ stream, role, endpoint, prepare, retry }) {
    super();
    this.stream = stream;
    this.role = role;
    this.#endpoint = endpoint;
    this.#prepare = prepare;
    this.#retry = retry;
  }

  /** Runs the session; the promise ends with it. */
  async run() {
    open.add(this);
    announce('begin', this);
    try {
      while (!this.over) await this.#once();
    } catch (error) {
      if (!this.over) this.#end('failed', error.message);
    } finally {
      open.delete(this);
      announce('end', this);
    }
  }

  get over() {
    return this.state === 'ended' || this.state === 'failed';
  }

  /** Ends the session and tells the worker. */
  async stop(text = '') {
    if (this.over) return;
    this.#end('ended', text);
    await this.#remove();
  }

  /** Ends the session while the page goes away. */
  leave() {
    if (this.over) return;
    this.#end('ended', 'This page was left.');
    this.#remove(true);
  }

  /** The worker says that it does not know this session any more. */
  async vanished() {
    const pc = this.pc;
    // If the worker ended it on purpose, its goodbye is on the way.
    await sleep(500, this.#abort.signal);
    if (pc === this.pc) this.#giveUp?.(farewell(pc) ? 'closed' : 'gone');
  }

  /** Waiting ends now: something changed for the better. */
  hurry() {
    this.#wake?.();
  }
  #wake = null;

  async #once() {
    try {
      await this.#open();
    } catch (error) {
      this.#drop();
      if (this.over) return;
      const refused = error instanceof Refused;
      const pause = refused ? this.#pauseAfter(error) : undefined;
      if (pause === undefined) {
        // Who was there before and finds nothing has seen the end of it.
        if (this.#lostSince && error.status === 404) this.#end('ended', '');
        else this.#end('failed', error.message);
        return;
      }
      this.#set(this.#lostSince && error.status !== 404 ? 'interrupted' : 'waiting', error.message);
      await Promise.race([sleep(pause, this.#abort.signal), new Promise((wake) => { this.#wake = wake; })]);
      return;
    }
    const opened = performance.now();
    const why = await this.#hold();
    if (this.over) return;
    if (why === 'unreachable') {
      await this.#remove();
      this.#drop();
      this.#end('failed', 'The worker answered, but no media path to it was found. Is its UDP port reachable?');
      return;
    }
    const brief = performance.now() - opened < 10_000;
    if (why === 'closed' && (await this.#closedForGood(brief))) return;
    if (why === 'gone') await this.#remove();
    this.#drop();
    this.#lostSince ||= Date.now();
    this.#set('interrupted', 'Connection lost. Coming back …');
  }

  #pauseAfter(refused) {
    return this.#retry(refused, this.#lostSince && Math.max(1, Date.now() - this.#lostSince));
  }

  /** The worker ended a healthy connection. A viewer may ask anew; a publisher was told to go, unless the worker is restarting. */
  async #closedForGood(brief) {
    let there = 404;
    try {
      await request(this.url, { signal: this.#abort.signal });
      there = 204;
    } catch (error) {
      there = error.status;
    }
    if (this.over) return true;
    if (there === 404 && (brief || this.endsWhenClosed)) {
      this.#drop();
      this.#end('ended', this.endsWhenClosed ? 'The worker ended this session.' : '');
      return true;
    }
    return false;
  }

  /** Whether a goodbye of the worker is final. */
  endsWhenClosed = false;

  async #open() {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.pc = pc;
    this.channel = pc.createDataChannel('data', { negotiated: true, id: 0 });
    this.#set(this.#lostSince ? 'interrupted' : this.state === 'waiting' ? 'waiting' : 'connecting', this.text);
    pc.addEventListener('track', (event) => this.#tell('track', event));
    this.#tell('connection', pc);
    await this.#prepare(pc);
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc, 1000);
    const { signal } = this.#abort;
    const headers = { 'Content-Type': OFFER_TYPE, Accept: OFFER_TYPE };
    const response = await request(this.#endpoint, { method: 'POST', headers, body: pc.localDescription.sdp, signal });
    const location = response.headers.get('Location');
    if (!location) throw new Error('The worker gave no address for this session.');
    this.url = new URL(location, response.url).href;
    try {
      this.#answer = await response.text();
      useServers(pc, iceServers(response.headers.get('Link')));
      await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer });
    } catch (error) {
      await this.#remove();
      throw error;
    }
    if (!this.#lostSince) this.#set('connecting', '');
  }

  /** Watches the connection, restarts ICE when it breaks, and ends with the reason why it is over. */
  #hold() {
    const pc = this.pc;
    return new Promise((resolve) => {
      const finished = new AbortController();
      let repairing = false;
      const finish = (why) => {
        finished.abort();
        this.#giveUp = null;
        resolve(why);
      };
      const repair = async (grace) => {
        if (repairing) return;
        repairing = true;
        await sleep(grace, finished.signal);
        for (let attempt = 0; !finished.signal.aborted && pc.connectionState !== 'connected'; attempt += 1) {
          const outcome = await this.#restart(finished.signal);
          if (outcome === 'gone') return finish('gone');
          await sleep(outcome === 'done' ? 5000 : Math.min(1000 * 2 ** attempt, 8000), finished.signal);
          if (pc.connectionState === 'connected') break;
          if (!this.#everConnected && attempt >= 1) return finish('unreachable');
          if (Date.now() - this.#lostSince > PATIENCE) return finish('gone');
        }
        repairing = false;
        check();
      };
      const check = () => {
        if (finished.signal.aborted) return;
        if (farewell(pc)) return finish('closed');
        switch (pc.connectionState) {
          case 'connected':
            this.#everConnected = true;
            this.#lostSince = 0;
            this.#set('connected', '');
            break;
          case 'disconnected':
          case 'failed':
            this.#lostSince ||= Date.now();
            if (this.#everConnected) this.#set('interrupted', 'Connection interrupted. Restoring it …');
            repair(pc.connectionState === 'failed' ? 0 : GRACE);
            break;
          default:
        }
      };
      this.#giveUp = finish;
      this.#abort.signal.addEventListener('abort', () => finish('stopped'), { signal: finished.signal });
      pc.addEventListener('connectionstatechange', check, { signal: finished.signal });
      for (const transport of transports(pc)) {
        transport.addEventListener('statechange', check, { signal: finished.signal });
      }
      if (this.over) finish('stopped');
      check();
    });
  }

  /** Restarts ICE by `PATCH` (RFC 9725 §4.3.3): `done`, `again` (not now), or `gone` (no such session). */
  async #restart(signal) {
    const pc = this.pc;
    try {
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      // Candidates may be missing here: the worker answers the checks of ours, whatever we say of them.
      const response = await request(this.url, {
        method: 'PATCH',
        headers: { 'Content-Type': FRAGMENT_TYPE, 'If-Match': '*' },
        body: fragment(pc.localDescription.sdp),
        signal: AbortSignal.any([signal, AbortSignal.timeout(8000)]),
      });
      const sdp = restarted(this.#answer, await response.text());
      await pc.setRemoteDescription({ type: 'answer', sdp });
      this.#answer = sdp;
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'again';
      if (error.status === 404) return 'gone';
      if (pc.signalingState === 'have-local-offer') {
        await pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
      }
      return 'again';
    }
  }

  /** Takes the session off the worker; that it is gone already is fine. */
  async #remove(keepalive = false) {
    const { url } = this;
    if (!url) return;
    this.url = null;
    await request(url, { method: 'DELETE', keepalive, signal: AbortSignal.timeout(5000) }).catch(() => {});
  }

  #drop() {
    this.pc?.close();
    this.url = null;
  }

  #end(state, text) {
    this.#set(state, text);
    this.#abort.abort();
    this.pc?.close();
  }

  #set(state, text) {
    if (this.state === state && this.text === text) return;
    this.state = state;
    this.text = text;
    this.#tell('state', { state, text });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** ICE servers count from the next ICE restart on, which comes by itself if there is no way without them. */
function useServers(pc, servers) {
  if (!servers.length) return;
  try {
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
  } catch {
    // A server that this browser does not take is no reason not to try the direct way.
  }
}

const transports = (pc) => {
  const all = pc.getTransceivers().flatMap((each) => [each.sender?.transport, each.receiver?.transport]);
  return new Set(all.filter(Boolean));
};

/** Whether the worker closed DTLS, or DTLS broke: ICE cannot repair that. */
const farewell = (pc) => [...transports(pc)].some((each) => each.state === 'closed' || each.state === 'failed');
