// The video codecs that this browser can send.

const KNOWN = ['VP8', 'H264', 'VP9', 'AV1'];
const REPAIR = 'video/rtx';

const capabilities = () => globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs ?? [];
const same = (a, b) => a.toLowerCase() === b.toLowerCase();

/** Names of codecs to choose from. */
export function sendable() {
  const codecs = capabilities();
  return KNOWN.filter((name) => codecs.some((codec) => same(codec.mimeType, `video/${name}`)));
}

/** Lets a transceiver send that codec and no other; `auto` leaves the browser's own order. */
export function prefer(transceiver, name) {
  if (name === 'auto' || !transceiver.setCodecPreferences) return;
  const codecs = capabilities();
  const chosen = codecs.filter((codec) => same(codec.mimeType, `video/${name}`));
  if (!chosen.length) throw new Error(`This browser cannot send ${name}.`);
  transceiver.setCodecPreferences([...chosen, ...codecs.filter((codec) => same(codec.mimeType, REPAIR))]);
}
