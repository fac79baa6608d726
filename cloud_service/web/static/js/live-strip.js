// One lead live on paper: eraser-bar sweep or scroll, moving as evenly as the signal was taken.

import { h, write } from "./dom.js";
import { HEIGHT_MM, PX_PER_MM, drawGap, drawPaper, drawPulse, drawScale, drawTrace, layout, prepare } from "./paper.js";
import { WaveRing } from "./wave-ring.js";
import { clock } from "./words.js";

const KEPT_S = 60;
const BEHIND_S = 0.5; // wall time the drawn end stays behind the newest sample, so that frames may come unevenly
const STALE_S = 3;
const ERASER_MM = 6;
const FRAME_MS = 33;

export class LiveStrip {
  constructor(lead, view) {
    this.lead = lead;
    this.view = view;
    this.ring = null;
    this.head = null; // the drawn end, a sample index with a fraction
    this.origin = 0; // sample at the left edge of a sweep
    this.rate = 1; // signal seconds a wall second
    this.arrivals = [];
    this.lastWave = null;
    this.canvas = h("canvas", { role: "img", "aria-label": `Live ECG, lead ${lead}` });
    this.over = h("p", { class: "strip-note", hidden: true });
    this.box = h("div", { class: "paper" }, this.canvas, this.over);
    this.caption = h("figcaption", {});
    this.root = h("figure", { class: "strip", "data-lead": lead }, this.box, this.caption);
    this.sheet = document.createElement("canvas");
    this.sheetKey = "";
    this.canvas.style.height = `${HEIGHT_MM}mm`;
    document.addEventListener("bedside:inks", () => { this.sheetKey = ""; });
  }

  take(wave) {
    const now = performance.now() / 1000;
    if (!this.ring || this.ring.recording !== wave.recording || this.ring.fsHz !== wave.fs_hz) {
      this.ring = new WaveRing(wave.recording, wave.fs_hz, wave.unit, KEPT_S);
      this.head = null;
      this.arrivals = [];
    }
    this.ring.write(wave.start, wave.samples);
    this.lastWave = Date.now();
    this.arrivals.push([now, this.ring.end]);
    while (this.arrivals.length > 2 && this.arrivals[0][0] < now - 4) this.arrivals.shift();
    const [t0, end0] = this.arrivals[0];
    if (now - t0 > 0.8) this.rate = Math.min(64, Math.max(0.05, (this.ring.end - end0) / this.ring.fsHz / (now - t0)));
  }

  advance(dtS) {
    const { ring } = this;
    if (!ring) return;
    const newest = ring.end;
    const behind = BEHIND_S * this.rate * ring.fsHz;
    if (this.head === null || newest - this.head > behind + 2 * Math.max(1, this.rate) * ring.fsHz) {
      this.head = Math.max(ring.start, newest - behind);
      this.origin = ring.start;
    }
    const pull = 1 + 0.5 * ((newest - this.head) / behind - 1);
    const step = dtS * this.rate * ring.fsHz * Math.min(2, Math.max(0, pull));
    this.head = Math.min(newest, this.head + step);
  }

  draw() {
    const width = this.box.clientWidth;
    if (!width) return;
    const at = layout({ ...this.view, fsHz: this.ring?.fsHz ?? 0 });
    this.blit(width, at);
    const ctx = prepare(this.canvas, width, at.height);
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.sheet, 0, 0);
    ctx.restore();
    if (this.ring && this.head !== null) this.drawWave(ctx, at, width);
    this.note();
  }

  blit(width, at) {
    const calibrated = !this.ring || this.ring.unit === "mV";
    const key = [width, at.speed, at.gain, window.devicePixelRatio, calibrated].join();
    if (key === this.sheetKey) return;
    const ctx = prepare(this.sheet, width, at.height);
    drawPaper(ctx, width, at.height);
    if (calibrated) drawPulse(ctx, at);
    drawScale(ctx, at, this.lead, calibrated);
    this.sheetKey = key;
    const seconds = ((width - at.plotX) / at.pxPerS).toFixed(1);
    write(this.caption, `Lead ${this.lead}, ${at.speed} mm/s, ${calibrated ? `${at.gain} mm/mV, calibration pulse 1 mV 200 ms` : "not calibrated: no millivolt scale is known"}, ${seconds} s wide`);
  }

  drawWave(ctx, at, width) {
    const { ring, head } = this;
    const pxPerSample = at.pxPerS / ring.fsHz;
    const plot = width - at.plotX;
    const span = plot / pxPerSample;
    const sweep = this.view.mode === "sweep";
    const to = Math.floor(head);
    const from = Math.max(ring.start, Math.ceil(head - span + (sweep ? (ERASER_MM * PX_PER_MM) / pxPerSample : 0)));
    const y = this.scale(at, from, to);
    ctx.save();
    ctx.beginPath();
    ctx.rect(at.plotX, 0, plot, at.height);
    ctx.clip();
    const piece = (i0, i1, x) => {
      this.gaps(ctx, i0, i1, x, at.height);
      drawTrace(ctx, i0, i1, (i) => ring.value(i), x, y);
    };
    if (!sweep) piece(from, to, (i) => width - (head - i) * pxPerSample);
    else {
      const turn = (i) => Math.floor((i - this.origin) / span);
      for (let k = turn(from); k <= turn(to); k++) {
        const first = this.origin + k * span;
        piece(Math.max(from, Math.ceil(first)), Math.min(to, Math.ceil(first + span)), (i) => at.plotX + (i - first) * pxPerSample);
      }
    }
    ctx.restore();
  }

  // Without a known scale the trace is fitted to the paper; with one it never is.
  scale(at, from, to) {
    if (this.ring.unit === "mV") return (v) => at.zero - v * at.pxPerMv;
    let [low, high] = [Infinity, -Infinity];
    for (let i = from; i < to; i++) {
      const v = this.ring.value(i);
      if (v < low) low = v;
      if (v > high) high = v;
    }
    const px = (0.7 * at.height) / Math.max(high - low, 1e-9);
    return (v) => at.height / 2 - (v - (low + high) / 2) * px;
  }

  gaps(ctx, i0, i1, x, height) {
    let open = null;
    for (let i = i0; i <= i1; i++) {
      const missing = i < i1 && Number.isNaN(this.ring.value(i));
      if (missing && open === null) open = i;
      if (!missing && open !== null) {
        drawGap(ctx, x(open), x(i), height);
        open = null;
      }
    }
  }

  note() {
    const silent = this.lastWave === null ? null : (Date.now() - this.lastWave) / 1000;
    const stale = silent === null || silent > STALE_S;
    this.root.classList.toggle("stale", stale);
    this.over.hidden = !stale;
    if (stale) write(this.over, silent === null ? "Waiting for the device" : `No signal since ${clock(this.lastWave)}`);
  }
}

// Draws all strips of a page together, at most 30 times a second.
export function animate(strips) {
  let before = performance.now();
  const frame = (now) => {
    requestAnimationFrame(frame);
    if (now - before < FRAME_MS) return;
    const dtS = Math.min(0.5, (now - before) / 1000);
    before = now;
    for (const strip of strips()) {
      strip.advance(dtS);
      strip.draw();
    }
  };
  requestAnimationFrame(frame);
}
