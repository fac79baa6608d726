// A chart on its canvas: a heading with the values under the cursor, an axis at the left, the clock that all share.

import { fill, h, write } from "./dom.js";
import { GUTTER } from "./eeg-layout.js";
import { inks, prepare } from "./paper.js";
import { place } from "./words.js";

const RIGHT = 10;
const STEPS_S = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200];
const LEAST_TICK = 76;

// `chart` is {heightPx, draw(ctx, area), read(seconds) => text, said() => text}; area is {left, right, top, bottom, x}.
export class ChartPanel {
  constructor(title, clock, chart, { choice = null, seek = () => {} } = {}) {
    Object.assign(this, { title, clock, chart, key: "" });
    this.canvas = h("canvas", { role: "img" });
    this.readout = h("p", { class: "readout" });
    this.heading = h("h3", {}, title);
    this.choice = h("span", { class: "chart-leads" }, choice);
    this.root = h("section", { class: "chart", "aria-label": title },
      h("div", { class: "head" }, this.heading, this.choice, this.readout), h("div", { class: "chart-box" }, this.canvas));
    this.sheet = document.createElement("canvas");
    this.canvas.addEventListener("pointermove", (event) => this.clock.point(this.secondsAt(event.offsetX)));
    this.canvas.addEventListener("click", (event) => seek(this.secondsAt(event.offsetX)));
    new ResizeObserver(() => this.renew()).observe(this.canvas);
    document.addEventListener("bedside:inks", () => this.renew());
  }

  // Other values, or another look.
  renew() {
    this.key = "";
    this.draw();
  }

  get area() {
    const width = this.canvas.clientWidth;
    const [left, right] = [GUTTER, width - RIGHT];
    const pxPerS = (right - left) / (this.clock.to - this.clock.from);
    return { width, left, right, top: 6, bottom: this.chart.heightPx - 18, x: (seconds) => left + (seconds - this.clock.from) * pxPerS };
  }

  secondsAt(px) {
    const { left, right } = this.area;
    return this.clock.from + ((px - left) / (right - left)) * (this.clock.to - this.clock.from);
  }

  draw() {
    const { area, clock, chart } = this;
    if (area.width < 2 * GUTTER) return;
    this.canvas.style.height = `${chart.heightPx}px`;
    const key = [area.width, chart.heightPx, clock.from, clock.to, devicePixelRatio].join();
    if (key !== this.key) this.drawSheet(area);
    this.key = key;
    const ctx = prepare(this.canvas, area.width, chart.heightPx);
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.sheet, 0, 0);
    ctx.restore();
    this.drawNow(ctx, area);
    write(this.readout, clock.cursor === null ? "" : `${place(clock.cursor, 1)}  ${chart.read(clock.cursor)}`);
    this.canvas.setAttribute("aria-label", `${this.title}: ${chart.said()}`);
  }

  drawSheet(area) {
    const ctx = prepare(this.sheet, area.width, this.chart.heightPx);
    const { page, pageFine, pageCoarse, pageInk, font } = inks();
    ctx.fillStyle = page;
    ctx.fillRect(0, 0, area.width, this.chart.heightPx);
    ctx.font = `11px ${font}`;
    const perS = (area.right - area.left) / (this.clock.to - this.clock.from);
    const step = STEPS_S.find((one) => one * perS >= LEAST_TICK) ?? 14400;
    ctx.textBaseline = "top";
    for (let at = Math.ceil(this.clock.from / step) * step; at <= this.clock.to; at += step) {
      ctx.fillStyle = pageFine;
      ctx.fillRect(Math.round(area.x(at)), area.top, 1, area.bottom - area.top);
      ctx.fillStyle = pageInk;
      ctx.textAlign = area.x(at) > area.right - 24 ? "end" : area.x(at) < area.left + 12 ? "start" : "center";
      ctx.fillText(place(at, 1), area.x(at), area.bottom + 4);
    }
    ctx.textAlign = "start";
    ctx.save();
    this.chart.draw(ctx, area);
    ctx.restore();
    ctx.fillStyle = pageCoarse;
    ctx.fillRect(area.left, area.bottom, area.right - area.left, 1);
  }

  drawNow(ctx, area) {
    const { mark } = inks();
    const { page, cursor, from, to } = this.clock;
    ctx.fillStyle = mark;
    if (page && page[1] > from && page[0] < to) {
      const [x0, x1] = [Math.max(area.left, area.x(page[0])), Math.min(area.right, area.x(page[1]))];
      ctx.globalAlpha = 0.14;
      ctx.fillRect(x0, area.top, Math.max(2, x1 - x0), area.bottom - area.top);
      ctx.globalAlpha = 1;
      ctx.fillRect(x0, area.bottom - 3, Math.max(2, x1 - x0), 3);
    }
    if (cursor !== null) ctx.fillRect(Math.round(area.x(cursor)), area.top, 1, area.bottom - area.top);
  }
}

// Numbers at the left of a chart, each with a line across: [value as text, y].
export function drawLevels(ctx, area, levels) {
  const { pageFine, pageInk, font } = inks();
  ctx.font = `11px ${font}`;
  ctx.textAlign = "end";
  ctx.textBaseline = "middle";
  for (const [text, y] of levels) {
    ctx.fillStyle = pageFine;
    ctx.fillRect(area.left, Math.round(y), area.right - area.left, 1);
    ctx.fillStyle = pageInk;
    ctx.fillText(text, area.left - 6, y, GUTTER - 10);
  }
  ctx.textAlign = "start";
}

export function drawUnit(ctx, area, text) {
  ctx.save();
  ctx.fillStyle = inks().pageInk;
  ctx.font = `11px ${inks().font}`;
  ctx.translate(12, (area.top + area.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, 0, 0, area.bottom - area.top);
  ctx.restore();
}

// The step that holds a second; null where nothing was measured then.
export const stepAt = (steps, seconds) => steps.find((one) => seconds >= one.from && seconds < one.to) ?? null;
