// What a connection does, second by second: from the browser's getStats and from the worker's figures of the session.
import { request } from './http.js';

/** Between two samples, in ms. */
const STEP = 1000;

/** Rates from counters of one connection. */
class Meter {
  #pc;
  #before = new Map();

  constructor(pc) {
    this.#pc = pc;
  }

  async sample() {
    const report = await this.#pc.getStats();
    const all = [...report.values()];
    const now = new Map(all.map((stat) => [stat.id, stat]));
    const since = this.#before;
    this.#before = now;
    /** How much a counter grew: in all, and per second. */
    const grown = (stat, name) => {
      const before = since.get(stat.id);
      if (!before || typeof stat[name] !== 'number' || typeof before[name] !== 'number') return undefined;
      return stat[name] - before[name];
    };
    const perSecond = (stat, name) => {
      const amount = grown(stat, name);
      const seconds = (stat.timestamp - since.get(stat.id)?.timestamp) / 1000;
      return amount === undefined || !(seconds > 0) ? undefined : Math.max(0, amount) / seconds;
    };
    const of = (type) => all.filter((stat) => stat.type === type);
    const streams = [
      ...of('outbound-rtp').map((stat) => sent(stat, now, of('remote-inbound-rtp'), perSecond)),
      ...of('inbound-rtp').map((stat) => received(stat, now, perSecond, grown)),
    ].sort((a, b) => order(a) - order(b));
    return { streams, roundTrip: pathTime(of('candidate-pair'), streams) };
  }
}

/** Video first, of its encodings the full size first; the place stays when a size changes. */
const order = (stream) => (stream.kind === 'video' ? 1 + RIDS.indexOf(stream.rid) : 10);
const RIDS = ['f', 'h', 'q'];

function common(stat, now, perSecond) {
  const { kind, ssrc, rid } = stat;
  return {
    kind, ssrc, rid,
    codec: now.get(stat.codecId)?.mimeType,
    width: stat.frameWidth,
    height: stat.frameHeight,
    frames: kind === 'video' ? stat.framesPerSecond ?? perSecond(stat, 'framesEncoded') ?? perSecond(stat, 'framesDecoded') : undefined,
  };
}

function sent(stat, now, remotes, perSecond) {
  const remote = remotes.find((each) => each.localId === stat.id || each.ssrc === stat.ssrc);
  return {
    ...common(stat, now, perSecond),
    bitrate: times8(perSecond(stat, 'bytesSent')),
    loss: remote?.fractionLost,
    roundTrip: seconds(remote?.roundTripTime),
    limited: stat.qualityLimitationReason === 'none' ? undefined : stat.qualityLimitationReason,
    active: stat.active !== false,
  };
}

function received(stat, now, perSecond, grown) {
  const [lost, got] = [grown(stat, 'packetsLost'), grown(stat, 'packetsReceived')];
  const due = (lost ?? 0) + (got ?? 0);
  return {
    ...common(stat, now, perSecond),
    bitrate: times8(perSecond(stat, 'bytesReceived')),
    loss: due > 0 ? Math.max(0, lost) / due : got === undefined ? undefined : 0,
    lost: stat.packetsLost,
    jitter: seconds(stat.jitter),
    freezes: stat.freezeCount,
    active: true,
  };
}

const times8 = (value) => (value === undefined ? undefined : value * 8);
const seconds = (value) => (value === undefined ? undefined : value * 1000);

function pathTime(pairs, streams) {
  const pair = pairs.find((each) => each.nominated && each.state === 'succeeded' && each.currentRoundTripTime !== undefined);
  return seconds(pair?.currentRoundTripTime) ?? streams.find((each) => each.roundTrip !== undefined)?.roundTrip;
}

/**
 * Calls `show({ streams, roundTrip, worker })` each second until the returned function is called. `worker` is the answer
 * of `<session>/stats`, a second or two old.
 */
export function observe(session, show) {
  let meter = null;
  let watched = null;
  let worker = null;
  let turn = 0;
  let busy = false;

  const ask = async () => {
    const { url } = session;
    if (!url || session.state === 'interrupted') return;
    try {
      const answer = await (await request(`${url}/stats`, { signal: AbortSignal.timeout(4000) })).json();
      if (session.url === url) worker = answer;
    } catch (error) {
      if (error.status === 404 && session.url === url) session.vanished();
    }
  };

  const step = async () => {
    if (busy || session.over || !session.pc || session.pc.connectionState === 'closed') return;
    busy = true;
    try {
      if (watched !== session.pc) {
        watched = session.pc;
        meter = new Meter(watched);
        worker = null;
      }
      if (turn++ % 2 === 0) ask();
      const figures = await meter.sample();
      const ofWorker = worker?.transports?.[0]?.roundTripTime ?? undefined;
      show({ ...figures, roundTrip: figures.roundTrip ?? ofWorker, worker });
    } catch {
      // The connection was closed under our hands; the next one will have figures again.
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(step, STEP);
  return () => clearInterval(timer);
}

/** Sums what is known. */
export const total = (values) => {
  const known = values.filter((value) => Number.isFinite(value));
  return known.length ? known.reduce((sum, value) => sum + value, 0) : undefined;
};

/** The worst of what is known. */
export const worst = (values) => {
  const known = values.filter((value) => Number.isFinite(value));
  return known.length ? Math.max(...known) : undefined;
};
