// The sheet an EEG is drawn on: every trace on one canvas, so that pens may cross, and the events on a second one above
// it. A live page is swept as it fills; only the columns that changed are drawn again.

import { h } from "./dom.js";
import { GUTTER, layout, ownScale, pxPerUnit } from "./eeg-layout.js";
import { PX_PER_MM, drawMissing, drawTrace, inks, prepare } from "./paper.js";
import { LANE_PX, drawMarks, lanesOf, marksText } from "./presenters.js";
import { place } from "./words.js";

const ERASER_PX = 22;
const OVERLAP_PX = 3; // what is drawn again at a seam, so that no line has a notch
const SIDES = { left: "Lt", right: "Rt", middle: "Mid" }; // so that no colour is needed
const UPWARDS = "ecg"; // of an EEG the negative is drawn upwards, of an ECG the positive
const MOST_PEN = 6; // rows a pen may stray: an artefact must not paint the whole sheet

export class EegSheet {
  // `view` is {pageS, sensitivity}; `signals` gives the traces; `marks()` what is drawn over them (see presenters.js).
  constructor(box, view, signals, marks) {
    Object.assign(this, { box, view, signals, marks, key: "", eventsKey: "", drawnTo: null, from: 0 });
    this.canvas = h("canvas", { role: "img" });
    this.events = h("canvas", { class: "over", "aria-hidden": "true" });
    this.back = document.createElement("canvas");
    box.prepend(this.canvas, this.events);
    document.addEventListener("bedside:inks", () => this.renew());
  }

  // Everything is to be drawn again.
  renew() {
    this.key = "";
  }

  x(seconds) {
    return this.at.left + (seconds - this.from) * this.at.pxPerS;
  }

  // Draws the page that begins at second `from`, as far as `head` where it is live and still fills.
  draw(from, head) {
    const width = this.box.clientWidth;
    if (!width) return;
    this.arrange(width);
    const isLive = head !== null;
    const isNew = this.key !== this.keyNow || this.isLive !== isLive || (!isLive && this.from !== from);
    const before = this.from;
    this.isLive = isLive;
    this.from = from;
    if (isNew) this.drawWhole(from, head);
    else if (isLive) this.sweep(from, head, before);
    this.key = this.keyNow;
  }

  arrange(width) {
    const traces = this.signals.traces;
    const shown = this.marks();
    const lanesPx = Math.max(1, lanesOf(shown).length) * LANE_PX;
    this.keyNow = [width, innerHeight, devicePixelRatio, this.view.pageS, this.view.sensitivity, lanesPx, traces.map((one) => one.name).join("|"), this.signals.arranged].join();
    if (this.key === this.keyNow) return;
    this.at = layout({ width, screen: innerHeight, traces, pageS: this.view.pageS, sensitivity: this.view.sensitivity, lanesPx });
    for (const canvas of [this.canvas, this.events]) canvas.style.height = `${this.at.height}px`;
    this.box.style.height = `${this.at.height}px`;
    this.drawBack(traces);
    this.eventsKey = "";
  }

  drawBack(traces) {
    const { at } = this;
    const ctx = prepare(this.back, at.width, at.height);
    const { page, pageFine, pageCoarse, pageInk, font } = inks();
    ctx.fillStyle = page;
    ctx.fillRect(0, 0, at.width, at.height);
    const fine = at.pxPerS >= 60 ? 0.2 : 1;
    for (let k = 0; k * fine <= at.pageS + 1e-9; k++) {
      const isWhole = Math.abs(k * fine - Math.round(k * fine)) < 1e-9;
      const isFifth = isWhole && Math.round(k * fine) % 5 === 0;
      ctx.fillStyle = isFifth || (isWhole && fine < 1) ? pageCoarse : pageFine;
      ctx.fillRect(Math.round(at.left + k * fine * at.pxPerS), at.top, isFifth ? 1.5 : 1, at.bottom - at.top);
    }
    ctx.textBaseline = "middle";
    traces.forEach((trace, k) => {
      ctx.font = `${at.heights[k] < 26 ? 11 : 12}px ${font}`;
      ctx.fillStyle = inkOf(trace);
      ctx.fillText(SIDES[trace.side] ?? "", 6, at.zero(k), 22);
      ctx.fillText(trace.name, 32, at.zero(k) - (ownScale(trace) ? 6 : 0), GUTTER - 38);
      ctx.fillStyle = pageInk;
      ctx.font = `10px ${font}`;
      if (ownScale(trace)) ctx.fillText(ownScale(trace), 32, at.zero(k) + 8, GUTTER - 38);
      ctx.fillStyle = pageFine;
      if (k && trace.side === null && traces[k - 1].side !== null) ctx.fillRect(0, at.tops[k], at.right, 1);
    });
    this.drawScale(ctx);
  }

  // Ten millimetres of voltage and one second, as the paper has them now.
  drawScale(ctx) {
    const { at } = this;
    const { pageInk, font } = inks();
    const [tall, y] = [10 * PX_PER_MM, at.bottom + 3];
    ctx.fillStyle = pageInk;
    ctx.font = `11px ${font}`;
    ctx.textBaseline = "middle";
    ctx.fillRect(14, y, 2, tall);
    ctx.fillRect(9, y, 12, 1);
    ctx.fillRect(9, y + tall, 12, 1);
    ctx.fillText(`${10 * at.sensitivity} \u00b5V`, 24, y + tall / 2);
    const bar = at.bottom + 32;
    ctx.fillRect(at.left, bar, at.pxPerS, 2);
    ctx.fillRect(at.left, bar - 4, 1, 10);
    ctx.fillRect(at.left + at.pxPerS - 1, bar - 4, 1, 10);
    ctx.fillText("1 s", at.left + at.pxPerS + 6, bar + 1);
  }

  drawWhole(from, head) {
    const { at } = this;
    prepare(this.canvas, at.width, at.height);
    prepare(this.events, at.width, at.height);
    this.clear(0, at.width);
    if (head === null) this.span(from, from + at.pageS, from);
    else {
      const gone = ERASER_PX / at.pxPerS;
      if (head + gone < from + at.pageS) this.span(head + gone - at.pageS, from, from - at.pageS);
      this.span(from, head, from);
    }
    this.drawnTo = head;
    this.eventsKey = "";
  }

  // Goes on from where the last drawing ended; over the edge of the page, from its left.
  sweep(from, head, before) {
    const { at } = this;
    if (this.drawnTo === null || head < this.drawnTo || head - this.drawnTo > at.pageS) return this.drawWhole(from, head);
    if (before !== from) {
      this.piece(this.drawnTo, from, before);
      this.drawnTo = from;
    }
    if (head - this.drawnTo < 0.5 / at.pxPerS) return;
    this.piece(this.drawnTo, head, from);
    this.drawnTo = head;
  }

  // Columns between two times of the page that begins at `page`, with some of those before and the eraser behind.
  piece(t0, t1, page) {
    const { at } = this;
    const left = at.left + (t0 - page) * at.pxPerS;
    const right = at.left + (t1 - page) * at.pxPerS;
    const first = Math.max(at.left, Math.floor(left) - OVERLAP_PX);
    this.clear(first, Math.min(at.right, Math.ceil(right) + ERASER_PX));
    this.span(page + (first - at.left) / at.pxPerS, t1, page);
  }

  clear(left, right) {
    const ctx = this.canvas.getContext("2d");
    const ratio = devicePixelRatio || 1;
    const [x0, wide] = [Math.round(left * ratio), Math.round(right * ratio) - Math.round(left * ratio)];
    if (wide <= 0) return;
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.back, x0, 0, wide, this.back.height, x0, 0, wide, this.back.height);
    ctx.restore();
  }

  // Draws all traces between two times, on the page that begins at second `page`.
  span(t0, t1, page) {
    const { at } = this;
    const ctx = this.canvas.getContext("2d");
    const x = (seconds) => at.left + (seconds - page) * at.pxPerS;
    const [left, right] = [Math.max(at.left, x(t0)), Math.min(at.right, x(t1))];
    if (right <= left) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, at.top - 6, right - left, at.bottom - at.top + 8);
    ctx.clip();
    this.signals.traces.forEach((trace, k) => this.trace(ctx, trace, k, t0, t1, x));
    ctx.restore();
  }

  trace(ctx, trace, k, t0, t1, x) {
    const { ring } = trace;
    if (!ring) return;
    const { at } = this;
    const fsHz = ring.fsHz;
    const [from, to] = [Math.floor(t0 * fsHz) - 1, Math.min(ring.end, Math.ceil(t1 * fsHz) + 1)];
    const toX = (i) => x(i / fsHz);
    // of what was stored, nothing more will come: what is not there is a gap
    if (this.signals.isWhole) this.gaps(ctx, ring, Math.ceil(t0 * fsHz), Math.floor(t1 * fsHz), toX, k);
    else this.gaps(ctx, ring, Math.max(from, ring.start), to, toX, k);
    const zero = at.zero(k);
    const scale = pxPerUnit(trace, at) ?? this.fitted(trace, k);
    const middle = pxPerUnit(trace, at) ? 0 : trace.middle;
    const most = MOST_PEN * at.heights[k];
    const down = trace.kind === UPWARDS ? -1 : 1;
    const y = (v) => zero + down * Math.max(-most, Math.min(most, (v - middle) * scale));
    drawTrace(ctx, Math.max(from, ring.start), to, (i) => ring.value(i), toX, y, inkOf(trace));
  }

  // A lead of unknown scale fills its row; it is fitted once a page, so that pieces of one page fit together.
  fitted(trace, k) {
    if (trace.fittedFor !== `${this.from} ${this.key}` || !trace.scale) {
      let [low, high] = [Infinity, -Infinity];
      for (let i = trace.ring.start; i < trace.ring.end; i++) {
        const v = trace.ring.value(i);
        if (v < low) low = v;
        if (v > high) high = v;
      }
      trace.scale = high > low ? (0.8 * this.at.heights[k]) / (high - low) : 1;
      trace.middle = high > low ? (high + low) / 2 : 0;
      trace.fittedFor = `${this.from} ${this.key}`;
    }
    return trace.scale;
  }

  gaps(ctx, ring, from, to, x, k) {
    const { at } = this;
    ctx.save();
    ctx.translate(0, at.tops[k]);
    const shown = this.signals.isWhole ? { value: (i) => ring.value(i), lacks: () => false } : ring;
    drawMissing(ctx, shown, { from, to, x, height: at.heights[k], isPage: true, ...(this.signals.isWhole ? { gone: "" } : {}) });
    ctx.restore();
  }

  // Events lie above the waves and change without them. Behind the eraser of a live page are the waves of the page before:
  // they keep their own events and their own times.
  drawEvents() {
    if (!this.at) return;
    const { at } = this;
    const bar = this.isLive ? Math.min(at.right, this.x(this.drawnTo ?? this.from)) : at.right;
    const all = this.marks();
    const mine = within(all, this.from, this.from + at.pageS);
    const older = this.isLive ? within(all, this.from - at.pageS, this.from) : [];
    const key = [this.key, this.from, Math.round(bar), [...mine, ...older].map((one) => `${one.from} ${one.to} ${one.label}`).join()].join();
    if (key === this.eventsKey) return;
    this.eventsKey = key;
    const ctx = prepare(this.events, at.width, at.height);
    ctx.clearRect(0, 0, at.width, at.height);
    this.drawPart(ctx, mine, this.from, at.left, bar);
    if (this.isLive) this.drawPart(ctx, older, this.from - at.pageS, Math.min(at.right, bar + ERASER_PX), at.right);
    const first = place(this.from, 1);
    this.canvas.setAttribute("aria-label", `EEG, ${this.signals.traces.length} traces, page of ${at.pageS} s from ${first}, ${marksText(mine)}`);
  }

  // The columns from `left` to `right` show what was at those columns of the page that begins at second `page`.
  drawPart(ctx, marks, page, left, right) {
    const { at } = this;
    const x = (seconds) => at.left + (seconds - page) * at.pxPerS;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, right - left, at.bottom);
    ctx.clip();
    const first = page + (left - at.left) / at.pxPerS;
    drawMarks(ctx, marks.map((one) => ({ ...one, from: one.to > one.from ? Math.max(one.from, first) : one.from })), { x, top: at.top, bottom: at.bottom });
    ctx.restore();
    this.drawClock(ctx, page, left, right);
  }

  drawClock(ctx, page, left, right) {
    const { at } = this;
    const step = [1, 2, 5, 10].find((one) => one * at.pxPerS >= 64) ?? 30;
    ctx.fillStyle = inks().pageInk;
    ctx.font = `11px ${inks().font}`;
    ctx.textBaseline = "top";
    for (let k = 0; k <= at.pageS; k += step) {
      const x = at.left + k * at.pxPerS;
      const isLast = k === at.pageS;
      if (page + k < 0 || x < left || x > right + (isLast ? 1 : 0) || (!isLast && k + step / 2 > at.pageS)) continue;
      ctx.textAlign = k === 0 ? "start" : isLast ? "end" : "center";
      ctx.fillText(place(page + k, 1), x, at.bottom + 5);
    }
    ctx.textAlign = "start";
  }
}

const within = (marks, from, to) => marks.filter((one) => (one.to > from || one.from >= from) && one.from < to);
const inkOf = (trace) => inks()[trace.side] ?? inks().trace;
