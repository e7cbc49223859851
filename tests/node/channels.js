// The data channels of a peer of the mediasoup server, over any RTCPeerConnection: a browser's, werift's, libdatachannel's. Messages
// go to the worker and come back on another stream of the same association, so each cell tries both directions.

const sleep = ms => new Promise(done => setTimeout(done, ms));
/** Bytes on their way, there and back: less than the worker lets wait. */
const WINDOW = 768 * 1024;
/** Messages on their way: so many pass in less time than the shortest lifetime. */
const MESSAGES = 256;

/** An offer as the worker would make it, from the parameters of its transport. */
function offer({ iceParameters, iceCandidates, dtlsParameters }) {
  const { algorithm, value } = dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256');
  const candidates = iceCandidates.map(c =>
    `a=candidate:${c.foundation} 1 ${c.protocol} ${c.priority} ${c.ip ?? c.address} ${c.port} typ ${c.type}`);
  return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=ice-lite',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=sendrecv',
    `a=ice-ufrag:${iceParameters.usernameFragment}`, `a=ice-pwd:${iceParameters.password}`,
    `a=fingerprint:${algorithm} ${value}`, 'a=setup:actpass', ...candidates, 'a=end-of-candidates',
    'a=sctp-port:5000', 'a=max-message-size:262144', ''].join('\r\n');
}

/** A message that tells its number. */
function numbered(number, size) {
  const bytes = new Uint8Array(size).fill(number);
  if (size >= 4) new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** The number of a message; -1 if it is not what was sent. */
function numberOf(bytes, size) {
  if (bytes.length !== size) return -1;
  if (size < 4) return bytes[0];
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return bytes.subarray(4).every(byte => byte === (number & 255)) ? number : -1;
}

export class Channels {
  /** `strands` says that the stack delivers the last messages only when another one comes after them. */
  constructor(RTCPeerConnection, url = '', { strands = false } = {}) {
    this.url = url;
    this.strands = strands;
    this.pc = new RTCPeerConnection({ iceServers: [] });
    this.nextStream = 100;
  }

  async call(id, method, ...args) {
    const answer = await fetch(`${this.url}/call`, { method: 'POST', body: JSON.stringify({ id, method, args }) });
    if (!answer.ok) throw new Error(`${method}: ${await answer.text()}`);
    return await answer.json();
  }

  /** Connects to a transport. */
  async open(transport) {
    this.transport = transport.id;
    const { pc } = this;
    await pc.setRemoteDescription({ type: 'offer', sdp: offer(transport) });
    // Some stacks answer by themselves.
    if (!pc.localDescription?.sdp) await pc.setLocalDescription(await pc.createAnswer());
    const { sdp } = pc.localDescription;
    const [, algorithm, value] = /^a=fingerprint:(\S+) (\S+)/m.exec(sdp);
    const role = /^a=setup:active/m.test(sdp) ? 'client' : 'server';
    await this.call(this.transport, 'connect', { dtlsParameters: { role, fingerprints: [{ algorithm: algorithm.toLowerCase(), value }] } });
  }

  /** Waits for one of its channels, which opens with the association. */
  async opened(channel) {
    for (let waited = 0; channel.readyState !== 'open'; waited += 20) {
      if (waited > 15_000) throw new Error(`a channel is ${channel.readyState}, the connection ${this.pc.connectionState}`);
      await sleep(20);
    }
    return channel;
  }

  async channel(id, options) {
    const channel = this.pc.createDataChannel('cell', { ...options, negotiated: true, id });
    channel.binaryType = 'arraybuffer';
    return channel;
  }

  /** A first channel, with which SCTP begins. */
  async begin() {
    const streamId = this.nextStream++;
    await this.call(this.transport, 'produceData', { sctpStreamParameters: { streamId, ordered: true }, label: 'first' });
    await this.opened(await this.channel(streamId, { ordered: true }));
  }

  /** Sends `count` messages of `size` bytes there and back; tells what came. */
  async cell({ size, count, ordered = true, ...limit }) {
    const options = { ordered, ...limit };
    const streamId = this.nextStream++;
    const producer = await this.call(this.transport, 'produceData', { sctpStreamParameters: { streamId, ...options }, label: 'cell' });
    const consumer = await this.call(this.transport, 'consumeData', { dataProducerId: producer.id, ...options });
    const up = await this.channel(streamId, options);
    const down = await this.channel(consumer.sctpStreamParameters.streamId, options);
    const seen = new Map();
    let received = 0, wrong = 0, late = 0, last = -1, heardAt = Date.now(), pushed = false;
    down.onmessage = ({ data }) => {
      const number = numberOf(new Uint8Array(data), size);
      if (number < 0) return void (wrong += 1);
      // The one that was sent after the last.
      if (number === count && pushed) return;
      // A byte holds no more than 256 numbers.
      const isNext = size >= 4 ? number > last : number === ((last + 1) & 255);
      if (!isNext) late += 1;
      last = number;
      seen.set(number, (seen.get(number) ?? 0) + 1);
      received += 1;
      heardAt = Date.now();
    };
    await this.opened(up);
    await this.opened(down);
    const isReliable = Object.keys(limit).length === 0;
    const began = Date.now();
    let sent = 0, givenUp = 0;
    heardAt = began;
    while (received < count) {
      const silent = Date.now() - heardAt;
      if (!isReliable && silent > 1500) {
        // Longer than the first of them takes to be sent again, by a sender that has just doubled its time for that.
        if (sent === count && silent > 5000) break;
        givenUp = sent - received;
      }
      if (silent > 20_000) break;
      if (this.strands && isReliable && size >= 4 && sent === count && silent > 3000 && !pushed) {
        pushed = true;
        up.send(numbered(count, size));
      }
      const mayGo = () => {
        const underway = sent - received - givenUp;
        return underway < MESSAGES && (underway + 1) * size <= WINDOW && up.bufferedAmount < WINDOW;
      };
      for (let n = 0; n < 100 && sent < count && mayGo(); n++) {
        up.send(numbered(sent, size));
        sent += 1;
      }
      await sleep(sent < count ? 1 : 5);
    }
    const ms = heardAt - began;
    const twice = size >= 4 ? [...seen.values()].filter(times => times > 1).length : 0;
    up.close();
    down.close();
    await this.call(producer.id, 'close');
    return { size, count, ...options, received, wrong, late, twice, ms };
  }

  /** Listens to a data producer of the server whose messages begin with the time; gives the halves and the ends of how long they took, ms. */
  async latency({ dataProducerId, count, interval, size }) {
    const consumer = await this.call(this.transport, 'consumeData', { dataProducerId, ordered: true });
    const down = await this.opened(await this.channel(consumer.sctpStreamParameters.streamId, { ordered: true }));
    const took = [];
    down.onmessage = ({ data }) => took.push(Date.now() - Number(String(data).slice(0, 13)));
    await fetch(`${this.url}/say`, { method: 'POST', body: JSON.stringify({ id: dataProducerId, count, interval, size }) });
    for (let waited = 0; took.length < count && waited < 10_000; waited += 20) await sleep(20);
    took.sort((a, b) => a - b);
    return { received: took.length, p50: took[took.length >> 1], p99: took[Math.floor(took.length * 0.99)], max: took.at(-1) };
  }
}
