// A picture and a tone for those without a camera. They go on at full rate when the tab is in the background.
import { openTone } from './tone.js';

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
