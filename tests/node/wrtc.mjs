// Publishes moving pictures and a tone over WHIP with @roamhq/wrtc (Google's WebRTC in Node): wrtc.mjs URL SECONDS
import wrtc from '@roamhq/wrtc';

const [url, seconds] = process.argv.slice(2);
const { RTCPeerConnection, MediaStream, nonstandard } = wrtc;
const say = line => console.log(JSON.stringify(line));

const video = new nonstandard.RTCVideoSource();
const audio = new nonstandard.RTCAudioSource();
const pc = new RTCPeerConnection();
const stream = new MediaStream();
for (const track of [audio.createTrack(), video.createTrack()]) {
  stream.addTrack(track);
  pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
}
pc.onconnectionstatechange = () => say({ state: pc.connectionState });

await pc.setLocalDescription(await pc.createOffer());
const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: pc.localDescription.sdp });
const sdp = await answer.text();
if (answer.status !== 201) {
  say({ error: `${answer.status} ${sdp}` });
  process.exit(1);
}
const location = new URL(answer.headers.get('location'), url);
await pc.setRemoteDescription({ type: 'answer', sdp });

const [width, height] = [320, 240];
const data = new Uint8ClampedArray(width * height * 1.5).fill(128);
let frame = 0;
setInterval(() => {
  frame += 1;
  for (let y = 0; y < height; y += 1) data.fill((y + frame * 4) & 255, y * width, (y + 1) * width);
  video.onFrame({ width, height, data });
}, 40);

const sampleRate = 48000;
let time = 0;
setInterval(() => {
  const samples = Int16Array.from({ length: sampleRate / 100 }, () => Math.sin((time++ * 440 * 2 * Math.PI) / sampleRate) * 8000);
  audio.onData({ samples, sampleRate, bitsPerSample: 16, channelCount: 1, numberOfFrames: samples.length });
}, 10);

setTimeout(async () => {
  const report = [...(await pc.getStats()).values()].filter(s => s.type === 'outbound-rtp');
  say({ sent: report.map(s => ({ kind: s.kind, packets: s.packetsSent })) });
  const gone = await fetch(location, { method: 'DELETE' });
  say({ deleted: gone.status });
  pc.close();
  process.exit(0);
}, Number(seconds) * 1000);
