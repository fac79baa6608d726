// All chosen leads on paper, some seconds of them, with marks above and calipers.

import { h, write } from "./dom.js";
import { drawGap, drawPaper, drawPulse, drawScale, drawTicks, drawTrace, inks, layout, prepare, scaleOf } from "./paper.js";
import { scaleText } from "./papers.js";
import { LANE_PX, drawMarks, lanesOf, marksText } from "./presenters.js";
import { leadText } from "./words.js";

const NEAREST_PX = 5; // so far must be dragged before it is meant

class WaveStrip {
  constructor(page, lead) {
    Object.assign(this, { page, lead });
    this.canvas = h("canvas", { role: "img" });
    this.note = h("p", { class: "strip-note", hidden: true });
    this.box = h("div", { class: "paper" }, this.canvas, this.note);
    this.caption = h("figcaption", {});
    this.root = h("figure", { class: "strip", "data-lead": lead.name, "data-unit": lead.unit }, this.box, this.caption);
    this.canvas.addEventListener("pointerdown", (event) => this.measure(event));
    this.sheet = document.createElement("canvas");
    document.addEventListener("bedside:inks", () => { this.sheetKey = ""; });
    this.isSeen = true;
    new IntersectionObserver(([one]) => {
      this.isSeen = one.isIntersecting;
      if (this.isSeen) page.redraw();
    }, { rootMargin: "50% 0px" }).observe(this.root);
  }

  get width() {
    return this.root.clientWidth;
  }

  seconds(px) {
    return this.from + (px - this.at.plotX) / this.at.pxPerS;
  }

  // Two corners are dragged; a click takes them away.
  measure(event) {
    if (this.page.onPointer(this, event)) return;
    const box = this.canvas.getBoundingClientRect();
    const corner = (e) => ({ s: this.seconds(e.clientX - box.left), v: this.value(e.clientY - box.top - this.top) });
    const first = corner(event);
    const start = event.clientX;
    this.canvas.setPointerCapture(event.pointerId);
    const move = (e) => {
      if (Math.abs(e.clientX - start) >= NEAREST_PX) this.page.caliper(this.lead, first, corner(e));
    };
    const up = (e) => {
      this.canvas.removeEventListener("pointermove", move);
      if (Math.abs(e.clientX - start) < NEAREST_PX) this.page.caliper(null);
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up, { once: true });
  }

  value(px) {
    return this.at.pxPerUnit ? (this.at.zero - px) / this.at.pxPerUnit : NaN;
  }

  draw(from, marks, caliper) {
    if (!this.width) return;
    const at = (this.at = layout(this.lead.unit, this.page.view, this.width));
    this.from = from;
    if (!this.isSeen) return; // of twelve leads a window shows a few
    const to = this.seconds(this.width);
    const { pieces, isWhole } = this.page.store.samples(this.lead.name, from, to);
    const mine = marks.filter((one) => one.leads.includes(this.lead.name) || !one.leads.length);
    const top = (this.top = lanesOf(mine).length * LANE_PX);
    this.canvas.style.height = `${top + at.height}px`;
    const ctx = prepare(this.canvas, this.width, top + at.height);
    const x = (s) => at.plotX + (s - from) * at.pxPerS;
    ctx.fillStyle = at.paper.timeGrid ? inks().page : inks().paper;
    ctx.fillRect(0, 0, this.width, top);
    ctx.save();
    ctx.translate(0, top);
    this.blit(ctx, at);
    const scale = this.scale(at, pieces, from, to);
    const parts = this.parts(pieces, from, to);
    ctx.beginPath();
    ctx.rect(at.plotX, 0, this.width - at.plotX, at.height);
    ctx.clip();
    for (const { piece, first, last } of parts) drawTrace(ctx, first, last, (i) => piece.samples[i - piece.start] ?? NaN, (i) => x(i / piece.fs_hz), scale.y);
    this.gaps(ctx, parts, from, Math.min(to, this.page.end), x, isWhole);
    if (this.page.end < to) this.curtain(ctx, x(this.page.end));
    ctx.restore();
    ctx.save();
    ctx.translate(0, top);
    drawTicks(ctx, at, scale);
    ctx.restore();
    drawMarks(ctx, mine, { x, top, bottom: top + at.height });
    if (caliper) this.drawCaliper(ctx, caliper, x, top);
    this.isOffScale = parts.length > 0 && this.clipped(parts, scale, at) > 0.5;
    this.note.hidden = !this.isOffScale;
    write(this.note, this.isOffScale ? "Off the scale: choose a smaller gain" : "");
    const seconds = (to - from).toFixed(1);
    this.canvas.setAttribute("aria-label", `Lead ${leadText(this.lead)}, ${seconds} s from ${this.page.clock(from)}, ${marksText(mine)}`);
    write(this.caption, `Lead ${leadText(this.lead)}, ${at.speedText}, ${scaleText(at.unit, at.gain)}, ${seconds} s`);
  }

  // The paper itself is drawn once.
  blit(ctx, at) {
    const key = [this.width, at.speed, at.gain, window.devicePixelRatio, at.unit].join();
    if (key !== this.sheetKey) {
      const sheet = prepare(this.sheet, this.width, at.height);
      drawPaper(sheet, this.width, at);
      drawPulse(sheet, at);
      drawScale(sheet, at, leadText(this.lead));
      this.sheetKey = key;
    }
    ctx.drawImage(this.sheet, 0, 0, this.width, at.height);
  }

  parts(pieces, from, to) {
    return pieces.map((piece) => ({
      piece,
      first: Math.max(piece.start, Math.floor(from * piece.fs_hz)),
      last: Math.min(piece.start + piece.samples.length, Math.ceil(to * piece.fs_hz) + 1),
    })).filter((one) => one.last > one.first);
  }

  scale(at, pieces, from, to) {
    let [low, high] = [Infinity, -Infinity];
    if (!at.hasPulse) {
      for (const { piece, first, last } of this.parts(pieces, from, to)) {
        for (let i = first; i < last; i++) {
          const v = piece.samples[i - piece.start];
          if (v !== null) [low, high] = [Math.min(low, v), Math.max(high, v)];
        }
      }
    }
    return scaleOf(at, low, high);
  }

  clipped(parts, scale, at) {
    let [outside, all] = [0, 0];
    for (const { piece, first, last } of parts) {
      for (let i = first; i < last; i++) {
        const v = piece.samples[i - piece.start];
        if (v === null) continue;
        const y = scale.y(v);
        all += 1;
        if (y < 0 || y > at.height) outside += 1;
      }
    }
    return all ? outside / all : 0;
  }

  // What is not drawn says why: lost at the device, declared invalid by it, or not at the clinic.
  gaps(ctx, parts, from, end, x, isWhole) {
    let reached = from;
    const blank = (a, b, said) => {
      if (b - a < 0.004) return;
      drawGap(ctx, x(a), x(b), this.at.height);
      ctx.font = `13px ${inks().font}`;
      ctx.textBaseline = "middle";
      ctx.textAlign = "center";
      const wide = ctx.measureText(said).width;
      const middle = (Math.max(x(a), this.at.plotX) + Math.min(x(b), this.width)) / 2;
      if (wide + 12 > x(b) - x(a)) return;
      ctx.fillStyle = this.at.paper.timeGrid ? inks().page : inks().paper;
      ctx.fillRect(middle - wide / 2 - 6, this.at.height / 2 - 11, wide + 12, 22);
      ctx.fillStyle = this.at.paper.timeGrid ? inks().pageInk : inks().ink;
      ctx.fillText(said, middle, this.at.height / 2);
      ctx.textAlign = "start";
    };
    const absent = (a, b) => blank(a, b, this.page.reason((a + b) / 2) ?? (isWhole ? "not at the clinic" : "loading"));
    for (const { piece, first, last } of parts) {
      absent(reached, first / piece.fs_hz);
      let open = null;
      for (let i = first; i <= last; i++) {
        const isBad = i < last && piece.samples[i - piece.start] === null;
        if (isBad) open ??= i;
        else if (open !== null) {
          blank(open / piece.fs_hz, i / piece.fs_hz, "no valid signal");
          open = null;
        }
      }
      reached = last / piece.fs_hz;
    }
    absent(reached, end);
  }

  curtain(ctx, left) {
    ctx.fillStyle = inks().page;
    ctx.globalAlpha = 0.75;
    ctx.fillRect(Math.max(left, this.at.plotX), 0, this.width, this.at.height);
    ctx.globalAlpha = 1;
  }

  drawCaliper(ctx, { from, to }, x, top) {
    const [left, right] = [x(from.s), x(to.s)];
    ctx.fillStyle = inks().mark;
    ctx.globalAlpha = 0.1;
    ctx.fillRect(Math.min(left, right), top, Math.abs(right - left), this.at.height);
    ctx.globalAlpha = 1;
    for (const one of [left, right]) ctx.fillRect(one - 0.75, top, 1.5, this.at.height);
    if (!this.at.pxPerUnit || Number.isNaN(from.v)) return;
    for (const one of [from.v, to.v]) ctx.fillRect(Math.min(left, right) - 6, top + this.at.zero - one * this.at.pxPerUnit - 0.5, Math.abs(right - left) + 12, 1);
  }
}

export class WaveStrips {
  constructor(page) {
    Object.assign(this, { page, strips: [], key: "" });
    this.root = h("div", { class: "strips" });
  }

  get lengthS() {
    const [first] = this.strips;
    if (!first?.width) return 10;
    const at = layout(first.lead.unit, this.page.view, first.width);
    return (first.width - at.plotX) / at.pxPerS;
  }

  from(at) {
    return Math.max(0, at);
  }

  draw(at) {
    const key = this.page.leads.map((one) => one.name).join("\n");
    if (key !== this.key) {
      this.key = key;
      this.strips = this.page.leads.map((lead) => new WaveStrip(this.page, lead));
      this.root.replaceChildren(...this.strips.map((one) => one.root));
    }
    this.shownFrom = this.from(at);
    const marks = this.page.marks(this.shownFrom, this.shownFrom + this.lengthS);
    for (const strip of this.strips) strip.draw(this.shownFrom, marks, this.page.measured(strip.lead));
  }
}
