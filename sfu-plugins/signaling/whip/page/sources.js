// What can be published: camera and microphone, the screen, a test pattern.
import { pattern } from './pattern.js';

const audioConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Whether the browser gives cameras and screens to this page: only over HTTPS or from this machine. */
export const hasCameras = () => Boolean(navigator.mediaDevices?.getUserMedia);
export const hasScreens = () => Boolean(navigator.mediaDevices?.getDisplayMedia);

/** Cameras and microphones; their names are empty until one was opened. */
export async function devices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (kind) => all.filter((device) => device.kind === kind && device.deviceId);
  return { cameras: of('videoinput'), microphones: of('audioinput') };
}

/** Opens a source; `close` gives it back. */
export async function openSource({ source, camera, microphone, width, height }) {
  if (source === 'pattern') return pattern({ width, height, fps: 30 });
  if (source === 'screen') return fromScreen({ microphone, width, height });
  return fromCamera({ camera, microphone, width, height });
}

async function fromCamera({ camera, microphone, width, height }) {
  const video = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
  if (camera) video.deviceId = { exact: camera };
  const media = await ask(() => navigator.mediaDevices.getUserMedia({ video, audio: audio(microphone) }));
  return { media, close: () => stopAll(media) };
}

async function fromScreen({ microphone, width, height }) {
  const video = { width: { max: width }, height: { max: height }, frameRate: { max: 30 } };
  const media = await ask(() => navigator.mediaDevices.getDisplayMedia({ video, audio: true }));
  for (const track of media.getVideoTracks()) track.contentHint = 'detail';
  // The screen's own sound goes before the microphone: one stream carries one sound.
  if (!media.getAudioTracks().length && microphone !== 'none') {
    const voice = await navigator.mediaDevices.getUserMedia({ audio: audio(microphone) }).catch(() => null);
    voice?.getAudioTracks().forEach((track) => media.addTrack(track));
  }
  return { media, close: () => stopAll(media) };
}

const audio = (microphone) => {
  if (microphone === 'none') return false;
  return microphone ? { ...audioConstraints, deviceId: { exact: microphone } } : audioConstraints;
};

const stopAll = (media) => media.getTracks().forEach((track) => track.stop());

async function ask(question) {
  try {
    return await question();
  } catch (error) {
    throw new Error(reason(error), { cause: error });
  }
}

function reason(error) {
  switch (error.name) {
    case 'NotAllowedError': return 'The browser did not allow it. Check the permission of this page.';
    case 'NotFoundError': return 'No such device was found. The test pattern needs none.';
    case 'NotReadableError': return 'The device is in use by another program.';
    case 'OverconstrainedError': return 'The chosen device is not there any more.';
    default: return error.message || 'The source could not be opened.';
  }
}
