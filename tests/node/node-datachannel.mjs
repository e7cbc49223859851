// Publishes Opus over WHIP with node-datachannel (libdatachannel, the stack of OBS): node-datachannel.mjs URL SECONDS
// libdatachannel packs nothing by itself here, so the Opus frames (silence, 20 ms) and their RTP headers are made below.
import nodeDataChannel from 'node-datachannel';

const [url, seconds] = process.argv.slice(2);
const say = line => console.log(JSON.stringify(line));
const SSRC = 0x5eed;
const PAYLOAD_TYPE = 111;
// TOC byte: CELT, full band, 20 ms, mono; then nothing: a frame of silence.
const SILENCE = Buffer.from([0xf8, 0xff, 0xfe]);

const pc = new nodeDataChannel.PeerConnection('publisher', { iceServers: [], disableAutoNegotiation: true });
pc.onStateChange(state => say({ state }));
const audio = new nodeDataChannel.Audio('audio', 'SendOnly');
audio.addOpusCodec(PAYLOAD_TYPE);
audio.addSSRC(SSRC, 'silence', 'stream', 'silence');
const track = pc.addTrack(audio);

const gathered = new Promise(done => pc.onGatheringStateChange(state => state === 'complete' && done()));
pc.setLocalDescription();
await gathered;
const offer = pc.localDescription().sdp;
const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: offer });
const sdp = await answer.text();
if (answer.status !== 201) {
  say({ error: `${answer.status} ${sdp}`, offer });
  process.exit(1);
}
const location = new URL(answer.headers.get('location'), url);
pc.setRemoteDescription(sdp, 'answer');

let sequence = 0;
let sent = 0;
setInterval(() => {
  if (!track.isOpen()) return;
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8(PAYLOAD_TYPE | (sequence === 0 ? 0x80 : 0), 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE((sequence * 960) >>> 0, 4);
  header.writeUInt32BE(SSRC, 8);
  sequence += 1;
  if (track.sendMessageBinary(Buffer.concat([header, SILENCE]))) sent += 1;
}, 20);

setTimeout(async () => {
  say({ sent: [{ kind: 'audio', packets: sent }] });
  const gone = await fetch(location, { method: 'DELETE' });
  say({ deleted: gone.status });
  track.close();
  pc.close();
  process.exit(0);
}, Number(seconds) * 1000);
