// Draws the test pattern, at its rate, in a worker.

const BARS = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];

onmessage = ({ data: { width, height, fps, writable } }) => {
  const canvas = new OffscreenCanvas(width, height);
  const paint = canvas.getContext('2d', { alpha: false, willReadFrequently: Boolean(writable) });
  const writer = writable?.getWriter();
  const start = performance.now();
  let count = 0;

  const step = () => {
    draw(paint, width, height, fps, count);
    if (!writer) {
      const bitmap = canvas.transferToImageBitmap();
      postMessage(bitmap, [bitmap]);
    } else if (writer.desiredSize > 0) {
      const frame = new VideoFrame(canvas, { timestamp: Math.round((performance.now() - start) * 1000) });
      // A track that was stopped takes nothing more.
      writer.write(frame).catch(() => close());
    }
    count += 1;
    // By the clock, not by pauses added up; after a stall the missed frames are left out.
    count = Math.max(count, Math.floor(((performance.now() - start) / 1000) * fps));
    setTimeout(step, start + (count * 1000) / fps - performance.now());
  };
  step();
};

function draw(paint, width, height, fps, count) {
  const now = new Date();
  const fraction = now.getMilliseconds() / 1000;
  const unit = height / 36;

  const bar = width / BARS.length;
  BARS.forEach((color, at) => {
    paint.fillStyle = color;
    paint.fillRect(Math.floor(at * bar), 0, Math.ceil(bar), unit * 20);
  });
  for (let at = 0; at < 16; at += 1) {
    const level = Math.round((at * 255) / 15);
    paint.fillStyle = `rgb(${level} ${level} ${level})`;
    paint.fillRect(Math.floor((at * width) / 16), unit * 20, Math.ceil(width / 16), unit * 3);
  }
  paint.fillStyle = '#11161a';
  paint.fillRect(0, unit * 23, width, unit * 13);

  // A mark that crosses the picture once a second shows stutter; the square flashes with the beep.
  paint.fillStyle = '#2c353c';
  paint.fillRect(0, unit * 24, width, unit);
  paint.fillStyle = '#f2f5f7';
  paint.fillRect(Math.floor(fraction * (width - unit)), unit * 24, unit, unit);
  paint.fillStyle = fraction < 0.08 ? '#ffffff' : '#2c353c';
  paint.fillRect(width - unit * 8, unit * 27, unit * 6, unit * 6);

  const two = (n) => String(n).padStart(2, '0');
  const frame = Math.floor(fraction * fps);
  paint.textBaseline = 'top';
  paint.fillStyle = '#f2f5f7';
  paint.font = `600 ${unit * 4.4}px ui-monospace, monospace`;
  paint.fillText(`${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}:${two(frame)}`, unit * 2, unit * 26.4);
  paint.fillStyle = '#9aa7b0';
  paint.font = `${unit * 2}px ui-monospace, monospace`;
  paint.fillText(`${width} × ${height}  ${fps}/s  frame ${count}`, unit * 2, unit * 31.6);
}
