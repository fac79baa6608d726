// Paper on a canvas: grid, calibration pulse, traces with the minimum and maximum of every pixel column.

import { PAGE, PAGE_S, PULSE_S, isCalibrated, paperOf, speedText } from "./papers.js";

export const PX_PER_MM = 96 / 25.4;
const LEAD_IN_MM = 2;
const FIT = 0.72; // how much of its paper a fitted trace fills

let colours = null;

// Canvas does not follow the theme by itself.
export function inks() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  colours = {
    paper: read("--paper"), fine: read("--paper-fine"), coarse: read("--paper-coarse"), trace: read("--trace"),
    page: read("--page"), pageInk: read("--page-ink"), pageFine: read("--page-fine"), pageCoarse: read("--page-coarse"),
    left: read("--eeg-left"), right: read("--eeg-right"), middle: read("--trace"),
    ink: read("--paper-ink"), faint: read("--paper-faint"), mark: read("--paper-mark"), hatch: read("--paper-hatch"), font: read("--font"),
  };
  return colours;
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = null;
  document.dispatchEvent(new Event("bedside:inks"));
});

// Where things lie, in CSS pixels, on the paper of a lead of this unit. `view` is {speed, gains: {unit: gain}}.
export function layout(unit, view, width) {
  const paper = paperOf(unit);
  const gain = view.gains[unit] ?? paper.gain;
  const mm = width / PX_PER_MM;
  const speed = view.speed === PAGE ? (mm - 2 * LEAD_IN_MM) / (PULSE_S + PAGE_S) : view.speed;
  const hasPulse = !paper.fitted && isCalibrated(unit);
  return {
    unit, speed, gain, paper, hasPulse,
    isPage: view.speed === PAGE,
    speedText: speedText(view.speed),
    height: paper.heightMm * PX_PER_MM,
    zero: paper.zeroMm * PX_PER_MM,
    pxPerS: speed * PX_PER_MM,
    pxPerUnit: hasPulse ? paper.mmPerUnit(gain) * PX_PER_MM : null,
    pulseX: LEAD_IN_MM * PX_PER_MM,
    pulseWidth: PULSE_S * speed * PX_PER_MM,
    plotX: (2 * LEAD_IN_MM + PULSE_S * speed) * PX_PER_MM,
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

export function drawPaper(ctx, width, at) {
  const { paper, fine, coarse, page, pageFine, pageCoarse } = inks();
  ctx.fillStyle = at.paper.timeGrid ? page : paper;
  ctx.fillRect(0, 0, width, at.height);
  if (!at.paper.timeGrid) {
    upright(ctx, 0, PX_PER_MM, width, at.height, fine);
    level(ctx, 0, PX_PER_MM, width, at.height, fine);
    upright(ctx, 0, 5 * PX_PER_MM, width, at.height, coarse);
    level(ctx, 0, 5 * PX_PER_MM, width, at.height, coarse);
    return;
  }
  const [small, large] = at.isPage ? [1, 5] : [0.2, 1];
  if (small * at.pxPerS >= 4) upright(ctx, at.plotX, small * at.pxPerS, width, at.height, pageFine);
  upright(ctx, at.plotX, large * at.pxPerS, width, at.height, pageCoarse);
  level(ctx, at.zero % (10 * PX_PER_MM), 10 * PX_PER_MM, width, at.height, pageFine);
}

const sharp = (px, ratio) => (Math.round(px * ratio) + 0.5) / ratio;

function upright(ctx, from, step, width, height, colour) {
  lines(ctx, colour, (ratio) => {
    for (let k = 0; from + k * step <= width; k++) {
      const x = sharp(from + k * step, ratio);
      ctx.moveTo(x, 0);
      ctx.lineTo(x, height);
    }
  });
}

function level(ctx, from, step, width, height, colour) {
  lines(ctx, colour, (ratio) => {
    for (let k = 0; from + k * step <= height; k++) {
      const y = sharp(from + k * step, ratio);
      ctx.moveTo(0, y);
      ctx.lineTo(width, y);
    }
  });
}

function lines(ctx, colour, draw) {
  const ratio = ctx.getTransform().a;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1 / ratio;
  ctx.beginPath();
  draw(ratio);
  ctx.stroke();
}

export function drawPulse(ctx, at) {
  if (!at.hasPulse) return;
  ctx.strokeStyle = inks().trace;
  ctx.lineWidth = 1.5;
  ctx.lineJoin = "miter";
  const [left, right, top] = [at.pulseX, at.pulseX + at.pulseWidth, at.zero - at.paper.pulse * at.pxPerUnit];
  ctx.beginPath();
  ctx.moveTo(left - PX_PER_MM, at.zero);
  ctx.lineTo(left, at.zero);
  ctx.lineTo(left, top);
  ctx.lineTo(right, top);
  ctx.lineTo(right, at.zero);
  ctx.lineTo(right + PX_PER_MM, at.zero);
  ctx.stroke();
}

export function drawScale(ctx, at, lead) {
  ctx.fillStyle = at.paper.timeGrid ? inks().pageInk : inks().ink;
  ctx.font = `12px ${inks().font}`;
  ctx.textBaseline = "bottom";
  const gain = at.hasPulse ? at.paper.gainText(at.gain) : isCalibrated(at.unit) ? at.unit : "not calibrated";
  ctx.fillText(`${lead}   ${at.speedText}   ${gain}`, at.pulseX - PX_PER_MM, at.height - 4);
}

// How values become heights, given the smallest and largest of what is drawn. A known paper scale is never changed to
// fit; a lead in another unit gets round numbers beside its trace; one without a scale is fitted and has no numbers.
export function scaleOf(at, low, high) {
  if (at.hasPulse) return { y: (v) => at.zero - v * at.pxPerUnit, ticks: [] };
  if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [0, 1];
  const step = isCalibrated(at.unit) ? roundStep((high - low) / 2) : null;
  if (step) [low, high] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  const px = (FIT * at.height) / (high - low);
  const y = (v) => at.height / 2 - (v - (low + high) / 2) * px;
  const ticks = [];
  if (step) for (let k = Math.round(low / step); k * step <= high + step / 2; k++) ticks.push(k * step);
  return { y, ticks };
}

function roundStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * ([1, 2, 5].findLast((one) => one * power <= size) ?? 1);
}

export function drawTicks(ctx, at, scale) {
  ctx.fillStyle = inks().pageInk;
  ctx.font = `11px ${inks().font}`;
  ctx.textBaseline = "middle";
  for (const one of scale.ticks) {
    ctx.fillRect(at.plotX - 5, scale.y(one) - 0.5, 5, 1);
    ctx.fillText(String(Number(one.toPrecision(6))), at.plotX + 2, scale.y(one));
  }
}

// Draws values [from, to): `value(i)` is NaN where there is none, `x(i)` and `y(v)` place it. Where several samples
// share a pixel column, the path visits the column's first, smallest, largest and last: no peak is lost.
export function drawTrace(ctx, from, to, value, x, y, ink = inks().trace) {
  const ratio = ctx.getTransform().a;
  ctx.strokeStyle = ink;
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

// A stretch that may still come: dotted the other way between two broken lines, and said in words, so that it is taken
// neither for a flat line nor for a lead that is off. A sheet that is swept draws it in pieces: dots stand where they
// would in the whole, and only an end that is one has its line.
function drawAwaited(ctx, x0, x1, height, { isPage, ends }) {
  if (x1 - x0 < 1) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x0, 0, x1 - x0, height);
  ctx.clip();
  ctx.strokeStyle = isPage ? inks().pageInk : inks().ink;
  ctx.globalAlpha = 0.6;
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 4]);
  ctx.beginPath();
  for (let x = 12 * Math.floor((x0 - height) / 12); x < x1; x += 12) {
    ctx.moveTo(x, 0);
    ctx.lineTo(x + height, height);
  }
  ctx.stroke();
  ctx.setLineDash([4, 3]);
  ctx.beginPath();
  for (const x of [ends[0] ? x0 + 0.5 : null, ends[1] ? x1 - 0.5 : null].filter((one) => one !== null)) {
    ctx.moveTo(x, 0);
    ctx.lineTo(x, height);
  }
  ctx.stroke();
  ctx.restore();
}

const AWAITED = "not received";
const GONE = "no signal";

// Stretches of [from, to) without a sample, on `ring`: each as what it is, with words where they fit; `gone` is what is
// said of samples that do not exist.
export function drawMissing(ctx, ring, { from, to, x, height, isPage, gone = GONE }) {
  const kind = (i) => (i >= to || !Number.isNaN(ring.value(i)) ? null : ring.lacks(i) ? AWAITED : gone);
  let [open, said] = [from, null];
  for (let i = from; i <= to; i++) {
    const now = i < to ? kind(i) : null;
    if (now === said) continue;
    if (said !== null) drawBlank(ctx, said, x(open), x(i), { height, isPage, ends: [open > from, i < to] });
    [open, said] = [i, now];
  }
}

function drawBlank(ctx, said, x0, x1, { height, isPage, ends }) {
  (said === AWAITED ? drawAwaited : drawGap)(ctx, x0, x1, height, { isPage, ends });
  const size = Math.min(12, height - 4);
  ctx.font = `${size}px ${inks().font}`;
  const wide = ctx.measureText(said).width + 6;
  if (!said || size < 9 || wide > x1 - x0 - 2) return;
  const middle = (x0 + x1) / 2;
  ctx.fillStyle = isPage ? inks().page : inks().paper;
  ctx.fillRect(middle - wide / 2, height / 2 - size / 2 - 3, wide, size + 6);
  ctx.fillStyle = isPage ? inks().pageInk : inks().ink;
  ctx.textBaseline = "middle";
  ctx.textAlign = "center";
  ctx.fillText(said, middle, height / 2);
  ctx.textAlign = "start";
}
