// The whole recording as one bar, or the day of it that is looked at: its rate, its findings, what is lost, what the
// clinic has, and what is shown below.

import { h } from "./dom.js";
import { drawGap, inks, prepare } from "./paper.js";
import { RANK } from "./words.js";
import { TILE } from "./wave-store.js";

const HEIGHT_PX = 96;
const HELD_PX = 6;
const TICK_PX = 16;
const AXIS_PX = 18;
export const MOST_S = 24 * 3600;
const STEPS_S = [10, 30, 60, 300, 600, 1800, 3600, 3 * 3600];

export class WaveTimeline {
  constructor(root, page) {
    Object.assign(this, { root, page });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    root.append(this.canvas);
    const go = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const [from, to] = this.span;
      page.goTo(from + ((event.clientX - box.left) / box.width) * (to - from) - page.lengthS / 2);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
  }

  get span() {
    const { at, end } = this.page;
    if (end <= MOST_S) return [0, Math.max(end, 60)];
    const from = Math.min(Math.floor(at / MOST_S) * MOST_S, end);
    return [from, Math.min(from + MOST_S, end)];
  }

  draw() {
    const width = this.root.clientWidth;
    if (!width) return;
    const [from, to] = this.span;
    const ctx = prepare(this.canvas, width, HEIGHT_PX);
    const x = (s) => ((s - from) / (to - from)) * width;
    ctx.fillStyle = inks().page;
    ctx.fillRect(0, 0, width, HEIGHT_PX);
    this.axis(ctx, width, x, from, to);
    this.held(ctx, x, from, to);
    for (const one of this.page.losses()) if (one.to > from && one.from < to) drawGap(ctx, x(one.from), Math.max(x(one.to), x(one.from) + 2), HEIGHT_PX - AXIS_PX);
    this.rate(ctx, x, from, to);
    this.ticks(ctx, x, from, to);
    const [left, right] = [x(this.page.shownFrom), x(this.page.shownFrom + this.page.lengthS)];
    ctx.fillStyle = inks().mark;
    ctx.globalAlpha = 0.16;
    ctx.fillRect(left, 0, Math.max(2, right - left), HEIGHT_PX - AXIS_PX);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, 0, 2, HEIGHT_PX - AXIS_PX);
    ctx.fillRect(Math.max(left + 2, right) - 1, 0, 1, HEIGHT_PX - AXIS_PX);
    this.root.setAttribute("aria-valuemax", String(Math.round(this.page.end)));
    this.root.setAttribute("aria-valuenow", String(Math.round(this.page.at)));
    this.root.setAttribute("aria-valuetext", this.page.clock(this.page.at));
  }

  axis(ctx, width, x, from, to) {
    const step = STEPS_S.find((one) => x(from + one) - x(from) >= 90) ?? STEPS_S.at(-1);
    ctx.font = `11px ${inks().font}`;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "start";
    for (let s = Math.ceil(from / step) * step; s < to; s += step) {
      ctx.fillStyle = inks().pageFine;
      ctx.fillRect(x(s), 0, 1, HEIGHT_PX - AXIS_PX + 4);
      ctx.fillStyle = inks().pageInk;
      if (x(s) < width - 50) ctx.fillText(this.page.clock(s, step < 60), x(s) + 3, HEIGHT_PX - 2);
    }
  }

  // What the clinic has of the lead that is shown: a bar below; where it is not, the waves are on the device, or nowhere.
  held(ctx, x, from, to) {
    const top = HEIGHT_PX - AXIS_PX - HELD_PX;
    ctx.fillStyle = inks().mark;
    for (let number = Math.floor(from / (TILE * 10)); number * TILE * 10 < to; number++) {
      const tile = this.page.store.tile(this.page.lead.name, "ten", number);
      for (const [first, end] of tile?.held ?? []) ctx.fillRect(x(tile.start_s + first * 10), top, Math.max(1, x(end * 10) - x(first * 10)), HELD_PX - 1);
    }
  }

  rate(ctx, x, from, to) {
    const points = this.page.rates().filter((one) => one.s >= from && one.s <= to);
    const [low, high] = points.reduce(([a, b], one) => [Math.min(a, one.value), Math.max(b, one.value)], [Infinity, -Infinity]);
    if (!(low <= high)) return;
    const [bottom, top] = [Math.floor(Math.min(low, 50) / 10) * 10, Math.ceil(Math.max(high, 100) / 10) * 10];
    const room = HEIGHT_PX - AXIS_PX - HELD_PX - TICK_PX - 4;
    const y = (v) => TICK_PX + 2 + room * (1 - (v - bottom) / (top - bottom));
    ctx.strokeStyle = inks().trace;
    ctx.lineWidth = 1.3;
    ctx.beginPath();
    let before = null;
    for (const one of points) {
      if (before !== null && one.s - before < 130) ctx.lineTo(x(one.s), y(one.value));
      else ctx.moveTo(x(one.s), y(one.value));
      before = one.s;
    }
    ctx.stroke();
    ctx.fillStyle = inks().pageInk;
    ctx.font = `11px ${inks().font}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "start";
    ctx.fillText(`${top}`, 3, y(top) + 5);
    ctx.fillText(`${bottom}`, 3, y(bottom) - 5);
  }

  // Each priority has its own height: which is which is seen without colour.
  ticks(ctx, x, from, to) {
    ctx.fillStyle = inks().trace;
    for (const one of this.page.findings()) {
      if (one.from < from || one.from >= to) continue;
      const tall = 4 + 4 * RANK[one.priority];
      ctx.fillRect(x(one.from) - 1, TICK_PX - tall, one.priority === "none" ? 1 : 2.5, tall);
    }
  }
}
