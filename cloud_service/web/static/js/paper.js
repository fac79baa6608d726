// ECG paper on a canvas: grid in millimetres, calibration pulse, traces with the minimum and maximum of every pixel column.

export const PX_PER_MM = 96 / 25.4;
export const SPEEDS = [12.5, 25, 50];
export const GAINS = [5, 10, 20];
export const HEIGHT_MM = 45;
const ZERO_MM = 28; // zero line below the top: upward deflections are usually the larger ones
const LEAD_IN_MM = 2;
const PULSE_MV = 1;
const PULSE_S = 0.2;

let colours = null;

// Canvas does not follow the theme by itself.
export function inks() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  colours = {
    paper: read("--paper"), fine: read("--paper-fine"), coarse: read("--paper-coarse"), trace: read("--trace"),
    ink: read("--paper-ink"), mark: read("--paper-mark"), hatch: read("--paper-hatch"), font: read("--font"),
  };
  return colours;
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = null;
  document.dispatchEvent(new Event("bedside:inks"));
});

// Where things lie, in CSS pixels. `unit` other than mV has no scale that anybody knows.
export function layout({ speed, gain, fsHz }) {
  const pulseMm = PULSE_S * speed;
  return {
    speed, gain, fsHz,
    height: HEIGHT_MM * PX_PER_MM,
    zero: ZERO_MM * PX_PER_MM,
    pxPerS: speed * PX_PER_MM,
    pxPerMv: gain * PX_PER_MM,
    pulseX: LEAD_IN_MM * PX_PER_MM,
    pulseWidth: pulseMm * PX_PER_MM,
    plotX: (LEAD_IN_MM + pulseMm + LEAD_IN_MM) * PX_PER_MM,
  };
}

// Gives a context in CSS pixels; the store behind it has the screen's own pixels.
export function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}

export function drawPaper(ctx, width, height) {
  const { paper, fine, coarse } = inks();
  ctx.fillStyle = paper;
  ctx.fillRect(0, 0, width, height);
  grid(ctx, width, height, 1, fine);
  grid(ctx, width, height, 5, coarse);
}

function grid(ctx, width, height, stepMm, colour) {
  const ratio = ctx.getTransform().a;
  const sharp = (px) => (Math.round(px * ratio) + 0.5) / ratio;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1 / ratio;
  ctx.beginPath();
  for (let mm = 0; mm * PX_PER_MM <= width; mm += stepMm) {
    const x = sharp(mm * PX_PER_MM);
    ctx.moveTo(x, 0);
    ctx.lineTo(x, height);
  }
  for (let mm = 0; mm * PX_PER_MM <= height; mm += stepMm) {
    const y = sharp(mm * PX_PER_MM);
    ctx.moveTo(0, y);
    ctx.lineTo(width, y);
  }
  ctx.stroke();
}

export function drawPulse(ctx, at) {
  ctx.strokeStyle = inks().trace;
  ctx.lineWidth = 1.5;
  ctx.lineJoin = "miter";
  const [left, right, top] = [at.pulseX, at.pulseX + at.pulseWidth, at.zero - PULSE_MV * at.pxPerMv];
  ctx.beginPath();
  ctx.moveTo(left - PX_PER_MM, at.zero);
  ctx.lineTo(left, at.zero);
  ctx.lineTo(left, top);
  ctx.lineTo(right, top);
  ctx.lineTo(right, at.zero);
  ctx.lineTo(right + PX_PER_MM, at.zero);
  ctx.stroke();
}

export function drawScale(ctx, at, lead, calibrated = true) {
  ctx.fillStyle = inks().ink;
  ctx.font = `12px ${inks().font}`;
  ctx.textBaseline = "bottom";
  const gain = calibrated ? `${at.gain} mm/mV` : "not calibrated";
  ctx.fillText(`${lead}   ${at.speed} mm/s   ${gain}`, at.pulseX - PX_PER_MM, at.height - 4);
}

// Draws values [from, to): `value(i)` is NaN where there is none, `x(i)` and `y(v)` place it. Where several samples
// share a pixel column, the path visits the column's first, smallest, largest and last: no peak is lost.
export function drawTrace(ctx, from, to, value, x, y) {
  const ratio = ctx.getTransform().a;
  ctx.strokeStyle = inks().trace;
  ctx.lineWidth = 1.4;
  ctx.lineJoin = "round";
  ctx.beginPath();
  let pen = false;
  let column = null;
  const flush = () => {
    if (!column) return;
    const order = column.lowAt < column.highAt ? [column.low, column.high] : [column.high, column.low];
    for (const v of [column.first, ...order, column.last]) {
      if (pen) ctx.lineTo(column.x, y(v));
      else ctx.moveTo(column.x, y(v));
      pen = true;
    }
    column = null;
  };
  for (let i = from; i < to; i++) {
    const v = value(i);
    if (Number.isNaN(v)) {
      flush();
      pen = false;
      continue;
    }
    const at = x(i);
    const key = Math.floor(at * ratio);
    if (column && column.key !== key) flush();
    if (!column) column = { key, x: at, first: v, last: v, low: v, high: v, lowAt: i, highAt: i };
    else {
      column.last = v;
      if (v < column.low) [column.low, column.lowAt] = [v, i];
      if (v > column.high) [column.high, column.highAt] = [v, i];
    }
  }
  flush();
  ctx.stroke();
}

// A stretch without samples: visibly empty, so that nobody takes it for a flat line.
export function drawGap(ctx, x0, x1, height) {
  if (x1 - x0 < 1) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x0, 0, x1 - x0, height);
  ctx.clip();
  ctx.strokeStyle = inks().hatch;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let x = x0 - height; x < x1; x += 9) {
    ctx.moveTo(x, height);
    ctx.lineTo(x + height, 0);
  }
  ctx.stroke();
  ctx.restore();
}
