// Figures as people read them.

const absent = '–';
const known = (value) => typeof value === 'number' && Number.isFinite(value);

/** Bit/s. */
export function bitrate(value) {
  if (!known(value)) return absent;
  if (value >= 999_500) return `${(value / 1e6).toFixed(value < 9.95e6 ? 2 : 1)} Mbit/s`;
  return `${Math.round(value / 1000)} kbit/s`;
}

/** Bit/s in the width of a table cell. */
export function shortBitrate(value) {
  if (!known(value)) return absent;
  return value >= 999_500 ? `${(value / 1e6).toFixed(2)} M` : `${Math.round(value / 1000)} k`;
}

/** A share from 0 to 1. */
export function percent(value) {
  if (!known(value)) return absent;
  return `${(value * 100).toFixed(value > 0 && value < 0.0995 ? 1 : 0)} %`;
}

/** Milliseconds. */
export function millis(value) {
  if (!known(value)) return absent;
  // Browsers count whole milliseconds.
  return value < 1 ? '< 1 ms' : `${value.toFixed(value < 9.95 ? 1 : 0)} ms`;
}

/** A rate per second, bare. */
export const rate = (value) => (known(value) ? String(Math.round(value)) : absent);

/** Width and height. */
export const size = (width, height) => (width && height ? `${width} × ${height}` : absent);

/** Bytes. */
export function bytes(value) {
  if (!known(value)) return absent;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`;
}

/** Milliseconds as a running clock. */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `video/VP8` and `vp8` as `VP8`, `audio/opus` as `Opus`. */
export function codec(mimeType) {
  const name = String(mimeType ?? '').split('/').pop();
  return name.toLowerCase() === 'opus' ? 'Opus' : name.toUpperCase();
}
