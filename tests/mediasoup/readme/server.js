// A mediasoup server as others have them, only smaller: one worker, one router, transports by HTTP. It knows nothing of whose
// worker it is. The commands of the README's "Use it with mediasoup" start it (readme.mjs beside this folder).
import { createServer } from 'node:http';
import * as mediasoup from 'mediasoup';

const worker = await mediasoup.createWorker({ logLevel: 'warn' });
worker.on('died', () => process.exit(1));
const router = await worker.createRouter({
  mediaCodecs: [
    { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 },
    { kind: 'video', mimeType: 'video/VP8', clockRate: 90000 },
  ],
});
const listenInfo = { protocol: 'udp', ip: '127.0.0.1' };

const routes = {
  'GET /capabilities': () => router.rtpCapabilities,
  'POST /participants': async () => {
    const { id, iceParameters, iceCandidates, dtlsParameters } = await router.createWebRtcTransport({ listenInfos: [listenInfo] });
    return { id, iceParameters, iceCandidates, dtlsParameters };
  },
  // RTP of somebody who is no browser; answers where to send it.
  'POST /microphones': async () => {
    const transport = await router.createPlainTransport({ listenInfo, comedia: true });
    const codecs = [{ mimeType: 'audio/opus', payloadType: 100, clockRate: 48000, channels: 2 }];
    await transport.produce({ kind: 'audio', rtpParameters: { codecs, encodings: [{ ssrc: 1234 }] } });
    return { port: transport.tuple.localPort, ssrc: 1234 };
  },
};

const server = createServer(async (request, response) => {
  try {
    response.end(JSON.stringify(await routes[`${request.method} ${request.url}`]()));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}`, worker: worker.pid }));
});
