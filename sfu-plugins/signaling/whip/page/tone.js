// The tone of the test pattern: soft, and with each full second, when the picture flashes, a short high beep.

const RATE = 48_000;

/** Opens the tone: `{ tracks, close }`. */
export async function openTone() {
  return (await byContext()) ?? (await byElement()) ?? { tracks: [], close() {} };
}

/** One second of it. */
function second() {
  const samples = new Float32Array(RATE);
  for (let at = 0; at < RATE; at += 1) {
    const time = at / RATE;
    const beep = time < 0.08 ? 0.25 * Math.sin((Math.PI * time) / 0.08) * Math.sin(2 * Math.PI * 1000 * time) : 0;
    samples[at] = 0.05 * Math.sin(2 * Math.PI * 220 * time) + beep;
  }
  return samples;
}

async function byContext() {
  if (!globalThis.AudioContext) return undefined;
  const context = new AudioContext({ sampleRate: RATE });
  await Promise.race([context.resume(), new Promise((go) => setTimeout(go, 500))]);
  if (context.state !== 'running') {
    context.close();
    return undefined;
  }
  const buffer = context.createBuffer(1, RATE, RATE);
  buffer.copyToChannel(second(), 0);
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  source.connect(destination);
  source.start(context.currentTime + (1000 - (Date.now() % 1000)) / 1000);
  return { tracks: destination.stream.getAudioTracks(), close: () => context.close() };
}

/** Firefox runs no audio context on a machine without sound output, but an audio element it does. */
async function byElement() {
  const element = new Audio();
  const capture = element.captureStream ?? element.mozCaptureStream;
  if (!capture) return undefined;
  element.src = URL.createObjectURL(new Blob([wav(second())], { type: 'audio/wav' }));
  element.loop = true;
  const media = capture.call(element);
  const close = () => {
    element.pause();
    URL.revokeObjectURL(element.src);
  };
  const playing = await Promise.race([
    element.play().then(() => true, () => false),
    new Promise((go) => setTimeout(go, 1000, false)),
  ]);
  if (playing && media.getAudioTracks().length) return { tracks: media.getAudioTracks(), close };
  close();
  return undefined;
}

/** 16-bit mono. */
function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, letters) => [...letters].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, at) => view.setInt16(44 + at * 2, Math.round(sample * 32767), true));
  return view.buffer;
}
