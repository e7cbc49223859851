// A participant of a call: mediasoup-client with the fake camera and microphone. Its transports are the sessions `up` and `down` of
// the raw script, so that their figures are read as those of WHIP and WHEP.
import { Device } from 'mediasoup-client';
import { Channels } from '../node/channels.js';

window.Channels = Channels;

/** Runs a method of an object of the server. */
async function call(id, method, ...args) {
  const answer = await fetch('/call', { method: 'POST', body: JSON.stringify({ id, method, args }) });
  if (!answer.ok) throw new Error(`${method}: ${await answer.text()}`);
  return await answer.json();
}

window.participant = {
  producers: new Map(),
  consumers: new Map(),
  received: [],

  /** Learns what a router can. */
  async join(routerRtpCapabilities) {
    participant.device = await Device.factory();
    await participant.device.load({ routerRtpCapabilities });
    document.getElementById('picture').srcObject = participant.media = new MediaStream();
  },

  /** Makes the other end of a transport: `up` or `down`. */
  open(name, parameters) {
    const transport = name === 'up' ? participant.device.createSendTransport(parameters) : participant.device.createRecvTransport(parameters);
    transport.on('connect', (connect, done, fail) => call(transport.id, 'connect', connect).then(done, fail));
    transport.on('produce', ({ kind, rtpParameters }, done, fail) =>
      call(transport.id, 'produce', { kind, rtpParameters }).then(done, fail));
    transport.on('producedata', ({ sctpStreamParameters, label, protocol }, done, fail) =>
      call(transport.id, 'produceData', { sctpStreamParameters, label, protocol }).then(done, fail));
    const states = [];
    transport.on('connectionstatechange', state => states.push(state));
    raw.sessions[name] = { pc: transport, states };
  },

  /** Sends the camera and the microphone; gives the ids of their producers by kind. */
  async publish({ audio = true, video = true, width = 320, height = 240, ...options } = {}) {
    const media = await navigator.mediaDevices.getUserMedia({ audio, video: video && { width, height } });
    const ids = {};
    for (const track of media.getTracks()) {
      const producer = await raw.sessions.up.pc.produce({ track, stopTracks: false, ...(track.kind === 'video' && options) });
      // A machine with little time for the encoder gives fewer pictures, not smaller ones.
      const settings = producer.rtpSender.getParameters();
      await producer.rtpSender.setParameters({ ...settings, degradationPreference: 'maintain-resolution' }).catch(() => {});
      participant.producers.set(producer.id, producer);
      ids[track.kind] = producer.id;
    }
    await raw.connected('up');
    return ids;
  },

  /** Receives a producer and plays it; gives the id of the consumer, which is paused without `resume`. */
  async watch(producerId, { session = 'down', resume = true } = {}) {
    const { pc: transport } = raw.sessions[session];
    const { recvRtpCapabilities: rtpCapabilities } = participant.device;
    const { id, kind, rtpParameters } = await call(transport.id, 'consume', { producerId, rtpCapabilities, paused: true });
    const consumer = await transport.consume({ id, producerId, kind, rtpParameters });
    participant.consumers.set(id, consumer);
    participant.media.addTrack(consumer.track);
    document.getElementById('picture').play().catch(() => {});
    await raw.connected(session);
    if (resume) await call(id, 'resume');
    return id;
  },

  /** Lets the media of a consumer come; gives the milliseconds until its first picture is decoded. */
  async firstPicture(id) {
    const began = performance.now();
    await call(id, 'resume');
    while (performance.now() < began + 15_000) {
      const figures = [...(await participant.consumers.get(id).getStats()).values()];
      if (figures.some(({ type, framesDecoded }) => type === 'inbound-rtp' && framesDecoded)) return performance.now() - began;
      await new Promise(done => setTimeout(done, 20));
    }
    throw new Error(`no picture of ${id} within 15 s`);
  },

  /** Opens a data channel to the server; gives the id of its producer. */
  async publishData(options) {
    const channel = participant.channel = await raw.sessions.up.pc.produceData(options);
    if (channel.readyState !== 'open') await new Promise(open => channel.once('open', open));
    return channel.id;
  },

  /** Sends a message, once little waits. */
  async send(message) {
    while (participant.channel.bufferedAmount > 50_000) await new Promise(done => setTimeout(done, 10));
    participant.channel.send(message);
  },

  /** Receives the messages of a data producer; gives the id of the consumer. */
  async watchData(dataProducerId) {
    const { pc: transport } = raw.sessions.down;
    const consumer = await transport.consumeData(await call(transport.id, 'consumeData', { dataProducerId }));
    consumer.binaryType = 'arraybuffer';
    consumer.on('message', message => participant.received.push(message));
    if (consumer.readyState !== 'open') await new Promise(open => consumer.once('open', open));
    return consumer.id;
  },

  /** The messages received, once there are so many: texts, or what bytes are like. */
  async messages(count) {
    for (let tries = 0; participant.received.length < count && tries < 200; tries++) await new Promise(done => setTimeout(done, 50));
    return participant.received.map(message => typeof message === 'string'
      ? message : { bytes: message.byteLength, last: new Uint8Array(message).at(-1) });
  },
};
