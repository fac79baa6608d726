// One lead live on paper: eraser-bar sweep or scroll, moving as evenly as the signal was taken.

import { h, write } from "./dom.js";
import { PX_PER_MM, drawMissing, drawPaper, drawPulse, drawScale, drawTicks, drawTrace, layout, prepare, scaleOf } from "./paper.js";
import { PAGE_S, paperOf, scaleText } from "./papers.js";
import { WaveRing } from "./wave-ring.js";
import { age, leadText } from "./words.js";

const KEPT_S = 60;
const STALE_S = 2.5; // a device sends waves at most 2 s late
const ERASER_MM = 6;
const FRAME_MS = 33;

export class LiveStrip {
  // `lead` is {name, unit, kind}; `view` {speed, gains, mode} and `timeline` are shared by all strips of a page.
  constructor(lead, view, timeline) {
    this.lead = lead;
    this.view = view;
    this.timeline = timeline;
    this.ring = null;
    this.lastWave = null;
    this.awaitedS = 0; // of what is drawn
    this.canvas = h("canvas", { role: "img" });
    this.over = h("p", { class: "strip-note", hidden: true });
    this.box = h("div", { class: "paper" }, this.canvas, this.over);
    this.caption = h("figcaption", {});
    this.root = h("figure", { class: "strip", "data-lead": lead.name }, this.box, this.caption);
    this.sheet = document.createElement("canvas");
    this.know(lead);
    this.isSeen = true;
    new IntersectionObserver(([one]) => { this.isSeen = one.isIntersecting; }, { rootMargin: "50% 0px" }).observe(this.root);
    document.addEventListener("bedside:inks", () => { this.sheetKey = ""; });
  }

  know(lead) {
    this.lead = { ...this.lead, ...lead };
    this.sheetKey = "";
    this.canvas.setAttribute("aria-label", `Live trace, lead ${leadText(this.lead)}`);
    this.canvas.style.height = `${paperOf(this.lead.unit).heightMm}mm`;
    this.root.dataset.unit = this.lead.unit;
  }

  take(wave) {
    if (!this.ring || this.ring.recording !== wave.recording || this.ring.fsHz !== wave.fs_hz) this.ring = new WaveRing(wave.recording, wave.fs_hz, KEPT_S);
    if (this.lead.unit !== wave.unit) this.know({ unit: wave.unit });
    const before = this.ring.end;
    this.ring.write(wave.start, wave.samples);
    // what was sent once more, or late, is no sign of life
    if (before === null || this.ring.end > before) this.lastWave = performance.now();
  }

  // Samples [from, to) do not exist: the device has lost them itself.
  lose(from, to) {
    this.ring?.close(from, to);
  }

  // A strip that is scrolled far away is not drawn: an EEG has more of them than a browser can draw at once.
  draw() {
    const width = this.box.clientWidth;
    if (!width) return;
    const at = layout(this.lead.unit, this.view, width);
    this.blit(width, at);
    if (!this.isSeen) return this.note();
    const ctx = prepare(this.canvas, width, at.height);
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.sheet, 0, 0);
    ctx.restore();
    if (this.ring && this.timeline.head !== null && this.ring.recording === this.timeline.recording) this.drawWave(ctx, at, width);
    this.note();
  }

  blit(width, at) {
    const key = [width, at.speed, at.gain, window.devicePixelRatio, at.unit].join();
    if (key === this.sheetKey) return;
    const ctx = prepare(this.sheet, width, at.height);
    drawPaper(ctx, width, at);
    drawPulse(ctx, at);
    drawScale(ctx, at, leadText(this.lead));
    this.sheetKey = key;
    const seconds = ((width - at.plotX) / at.pxPerS).toFixed(at.isPage ? 0 : 1);
    this.described = `Lead ${leadText(this.lead)}, ${at.speedText}, ${scaleText(at.unit, at.gain)}, ${seconds} s wide`;
  }

  drawWave(ctx, at, width) {
    const { ring, timeline } = this;
    const fsHz = ring.fsHz;
    const plot = width - at.plotX;
    const span = plot / at.pxPerS;
    const sweep = this.view.mode === "sweep";
    const head = timeline.head;
    const to = Math.min(ring.end, Math.floor(head * fsHz));
    const from = Math.max(ring.start, Math.ceil((head - span + (sweep ? (ERASER_MM * PX_PER_MM) / at.pxPerS : 0)) * fsHz));
    const scale = this.scale(at, from, to);
    this.awaitedS = ring.awaited(from, to) / fsHz;
    ctx.save();
    ctx.beginPath();
    ctx.rect(at.plotX, 0, plot, at.height);
    ctx.clip();
    const piece = (i0, i1, x) => {
      drawMissing(ctx, ring, { from: i0, to: i1, x, height: at.height, isPage: at.paper.timeGrid });
      drawTrace(ctx, i0, i1, (i) => ring.value(i), x, scale.y);
    };
    if (!sweep) piece(from, to, (i) => width - (head - i / fsHz) * at.pxPerS);
    else {
      // a page begins at a whole page of the recording, as epochs do
      const origin = at.isPage ? 0 : timeline.origin;
      const length = at.isPage ? PAGE_S : span;
      const turn = (i) => Math.floor((i / fsHz - origin) / length);
      for (let k = turn(from); k <= turn(to); k++) {
        const first = origin + k * length;
        piece(Math.max(from, Math.ceil(first * fsHz)), Math.min(to, Math.ceil((first + length) * fsHz)), (i) => at.plotX + (i / fsHz - first) * at.pxPerS);
      }
    }
    ctx.restore();
    drawTicks(ctx, at, scale);
  }

  // Without a known scale the trace is fitted to the paper; with one it never is.
  scale(at, from, to) {
    let [low, high] = [Infinity, -Infinity];
    for (let i = from; i < to && !at.hasPulse; i++) {
      const v = this.ring.value(i);
      if (v < low) low = v;
      if (v > high) high = v;
    }
    return scaleOf(at, low, high);
  }

  note() {
    write(this.caption, this.awaitedS >= 0.05 ? `${this.described}, ${this.awaitedS.toFixed(1)} s not received` : this.described);
    const silent = this.lastWave === null ? null : (performance.now() - this.lastWave) / 1000;
    const stale = silent === null || silent > STALE_S;
    this.root.classList.toggle("stale", stale);
    this.over.hidden = !stale;
    if (stale) write(this.over, silent === null ? "Waiting for the device" : `No signal: the newest sample came ${age(silent)}`);
  }
}

// Draws all strips of a page together, at most 30 times a second. While `isFrozen` says so they stay as they are; what
// comes meanwhile is kept, and whether it still comes is said.
export function animate(timeline, strips, isFrozen = () => false) {
  let before = performance.now();
  const frame = (now) => {
    requestAnimationFrame(frame);
    if (now - before < FRAME_MS) return;
    const dtS = Math.min(0.5, (now - before) / 1000);
    before = now;
    timeline.advance(dtS);
    for (const strip of strips()) isFrozen() ? strip.note() : strip.draw();
  };
  requestAnimationFrame(frame);
}
