// Writes down what mediasoup's own library sends to a worker, for every method and notification that it has: the messages that
// bins/sfu-worker/tests/mediasoup_storm.rs damages.
//
//   MEDIASOUP_WORKER_BIN=target/debug/sfu-worker node record.mjs > ../recorded.hex
//
// One message a line, in hexadecimal, with its length in front, in the order in which they were sent.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const childProcess = require('node:child_process');
const sent = [];
const spawn = childProcess.spawn;
childProcess.spawn = (...how) => {
  const child = spawn(...how);
  const [, , , channel] = child.stdio;
  const write = channel.write;
  channel.write = (bytes, ...more) => {
    sent.push(Buffer.from(bytes).toString('hex'));
    return write.call(channel, bytes, ...more);
  };
  return child;
};
const mediasoup = require('mediasoup');

const worker = await mediasoup.createWorker({ logLevel: 'warn', rtcMinPort: 31000, rtcMaxPort: 39999 });
const listenInfo = { protocol: 'udp', ip: '127.0.0.1' };
const listenInfos = [listenInfo, { protocol: 'tcp', ip: '127.0.0.1', announcedAddress: 'sfu.example.org' }];
await worker.updateSettings({ logLevel: 'error', logTags: ['info', 'ice'] });
const server = await worker.createWebRtcServer({ listenInfos });
const router = await worker.createRouter({
  mediaCodecs: [
    { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 },
    { kind: 'video', mimeType: 'video/VP8', clockRate: 90000 },
  ],
});
const own = await router.createWebRtcTransport({ listenInfos, enableTcp: true, enableSctp: true, preferUdp: true });
const shared = await router.createWebRtcTransport({ webRtcServer: server, enableSctp: true });
const plain = await router.createPlainTransport({ listenInfo, enableSctp: true, rtcpMux: false });
const secret = await router.createPlainTransport({ listenInfo, comedia: true, enableSrtp: true });
const pipe = await router.createPipeTransport({ listenInfo, enableSctp: true, enableRtx: true, enableSrtp: true });
const direct = await router.createDirectTransport();
const volumes = await router.createAudioLevelObserver({ maxEntries: 3 });
const speaker = await router.createActiveSpeakerObserver();

const fingerprints = [{ algorithm: 'sha-256', value: Array(32).fill('AB').join(':') }];
await own.connect({ dtlsParameters: { role: 'server', fingerprints } });
await shared.connect({ dtlsParameters: { fingerprints } });
await plain.connect({ ip: '127.0.0.1', port: 9, rtcpPort: 10 });
await secret.connect({ srtpParameters: { cryptoSuite: 'AES_CM_128_HMAC_SHA1_80', keyBase64: Buffer.alloc(30, 7).toString('base64') } });
await pipe.connect({ ip: '127.0.0.1', port: 9, srtpParameters: { cryptoSuite: 'AEAD_AES_256_GCM', keyBase64: Buffer.alloc(44, 7).toString('base64') } });
await own.restartIce();

const audio = await own.produce({
  kind: 'audio',
  rtpParameters: {
    mid: '0',
    codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48000, channels: 2, parameters: { useinbandfec: 1, usedtx: 1 } }],
    headerExtensions: [{ uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 1 }, { uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level', id: 6 }],
    encodings: [{ ssrc: 1001, dtx: true }],
    rtcp: { cname: 'somebody' },
  },
});
const video = await own.produce({
  kind: 'video',
  keyFrameRequestDelay: 500,
  rtpParameters: {
    mid: '1',
    codecs: [
      { mimeType: 'video/VP8', payloadType: 96, clockRate: 90000, rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'goog-remb' }] },
      { mimeType: 'video/rtx', payloadType: 97, clockRate: 90000, parameters: { apt: 96 } },
    ],
    headerExtensions: [{ uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 1 }, { uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', id: 2 }],
    encodings: ['q', 'h', 'f'].map(rid => ({ rid, scalabilityMode: 'L1T3', maxBitrate: 500_000 })),
    rtcp: { cname: 'somebody' },
  },
});
const said = await direct.produce({
  kind: 'audio',
  rtpParameters: { codecs: [{ mimeType: 'audio/opus', payloadType: 100, clockRate: 48000, channels: 2 }], encodings: [{ ssrc: 2002 }] },
});
const { rtpCapabilities } = router;
const consumers = [];
for (const transport of [shared, plain, direct]) {
  consumers.push(await transport.consume({ producerId: video.id, rtpCapabilities, paused: transport === shared }));
  consumers.push(await transport.consume({ producerId: audio.id, rtpCapabilities, ignoreDtx: true }));
}
consumers.push(await pipe.consume({ producerId: video.id }));
const [watched] = consumers;

const chat = await own.produceData({ sctpStreamParameters: { streamId: 1, ordered: true }, label: 'chat', protocol: 'text' });
const spoken = await direct.produceData({ label: 'spoken' });
const door = await direct.produceData({ label: 'recorder', protocol: 'sfukit.plugin' });
const readers = [
  await shared.consumeData({ dataProducerId: chat.id, ordered: false, maxRetransmits: 3 }),
  await plain.consumeData({ dataProducerId: spoken.id, subchannels: [1, 2] }),
  await pipe.consumeData({ dataProducerId: chat.id }),
  await direct.consumeData({ dataProducerId: chat.id }),
  await direct.consumeData({ dataProducerId: door.id }),
];
const [reader] = readers;

await volumes.addProducer({ producerId: audio.id });
await speaker.addProducer({ producerId: audio.id });
await volumes.pause();
await volumes.resume();
for (const transport of [own, shared, plain, pipe, direct]) {
  await transport.enableTraceEvent(['probation', 'bwe']);
}
await own.setMaxIncomingBitrate(1_000_000);
await own.setMaxOutgoingBitrate(2_000_000);
await own.setMinOutgoingBitrate(100_000);
for (const producer of [audio, video, said]) {
  await producer.enableTraceEvent(['keyframe', 'rtp', 'nack', 'pli', 'fir', 'sr']);
  await producer.pause();
  await producer.resume();
}
for (const consumer of consumers) {
  await consumer.enableTraceEvent(['keyframe', 'rtp', 'nack', 'pli', 'fir']);
  await consumer.pause();
  await consumer.resume();
  await consumer.requestKeyFrame();
}
await watched.setPreferredLayers({ spatialLayer: 1, temporalLayer: 2 });
await watched.setPriority(5);
await chat.pause();
await chat.resume();
await reader.pause();
await reader.resume();
await reader.setBufferedAmountLowThreshold(4096);
await reader.getBufferedAmount();
await reader.send('never').catch(() => {});
await reader.setSubchannels([1, 2, 3]);
await reader.addSubchannel(4);
await reader.removeSubchannel(1);

const packet = Buffer.alloc(60, 1);
packet.set([0x80, 100, 0, 1, 0, 0, 0, 1, 0, 0, 0x07, 0xd2]);
said.send(packet);
direct.sendRtcp(Buffer.from([0x81, 201, 0, 7, 0, 0, 0x07, 0xd2, ...Buffer.alloc(24)]));
spoken.send('hello', 51, [1, 2], 1, 3);
door.send(JSON.stringify({ id: 1, method: 'status' }));

await worker.dump();
await worker.getResourceUsage();
await server.dump();
await router.dump();
for (const transport of [own, shared, plain, secret, pipe, direct]) {
  await transport.dump();
  await transport.getStats();
}
for (const entity of [audio, video, said, ...consumers, chat, spoken, ...readers]) {
  await entity.dump();
  await entity.getStats();
}

await volumes.removeProducer({ producerId: audio.id });
const all = [consumers.at(-1), readers.at(-1), said, door, volumes, speaker, secret, router, server];
for (const entity of all) entity.close();
await worker.dump();
worker.close();
process.stdout.write(`${sent.join('\n')}\n`);
