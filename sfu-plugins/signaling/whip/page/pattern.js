// A picture and a tone for those without a camera. They go on at full rate when the tab is in the background.

/** Opens the test pattern. */
export async function pattern({ width, height, fps }) {
  const worker = new Worker('pattern-worker.js', { type: 'module' });
  const tone = await openTone();
  const { track, stop } = picture(worker, { width, height, fps });
  const media = new MediaStream([track, ...tone.tracks]);
  const close = () => {
    worker.terminate();
    media.getTracks().forEach((each) => each.stop());
    stop();
    tone.close();
  };
  return { media, close };
}

/** Frames come from a worker, whose timers are not slowed down in the background. */
function picture(worker, { width, height, fps }) {
  if ('MediaStreamTrackGenerator' in globalThis && 'VideoFrame' in globalThis) {
    const generator = new MediaStreamTrackGenerator({ kind: 'video' });
    worker.postMessage({ width, height, fps, writable: generator.writable }, [generator.writable]);
    return { track: generator, stop() {} };
  }
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const shown = canvas.getContext('bitmaprenderer');
  worker.addEventListener('message', ({ data }) => shown.transferFromImageBitmap(data));
  worker.postMessage({ width, height, fps });
  const [track] = canvas.captureStream(fps).getVideoTracks();
  return { track, stop() {} };
}

/** A soft tone, and with each full second, when the picture flashes, a short high one. */
async function openTone() {
  const Context = globalThis.AudioContext;
  if (!Context) return { tracks: [], close() {} };
  const context = new Context({ sampleRate: 48_000 });
  const rate = context.sampleRate;
  const second = context.createBuffer(1, rate, rate);
  const samples = second.getChannelData(0);
  for (let at = 0; at < rate; at += 1) {
    const seconds = at / rate;
    const beep = seconds < 0.08 ? 0.25 * Math.sin(Math.PI * (seconds / 0.08)) * Math.sin(2 * Math.PI * 1000 * seconds) : 0;
    samples[at] = 0.05 * Math.sin(2 * Math.PI * 220 * seconds) + beep;
  }
  const source = new AudioBufferSourceNode(context, { buffer: second, loop: true });
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  source.connect(destination);
  await Promise.race([context.resume(), new Promise((go) => setTimeout(go, 500))]);
  source.start(context.currentTime + (1000 - (Date.now() % 1000)) / 1000);
  return { tracks: destination.stream.getAudioTracks(), close: () => context.close() };
}
