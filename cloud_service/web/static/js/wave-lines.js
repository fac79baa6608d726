// One lead over minutes or hours: a line of the sheet for each, drawn of lowest and highest values.

import { h } from "./dom.js";
import { drawGap, inks, prepare } from "./paper.js";
import { isCalibrated, paperOf } from "./papers.js";
import { TILE, WIDTHS } from "./wave-store.js";

const LABEL_PX = 84;
const MM_A_LINE = 26; // of paper: 10 mm/mV shows 2.6 mV
const FILL = 0.42; // of the height of a line, on each side of its middle
const LEVEL = 20; // stretches on each side whose middle is where a line's zero lies: the baseline may wander

export class WaveLines {
  // `page` gives what there is to draw: store, view, clock(seconds), reason(seconds), findings(), chosen lead.
  constructor(page, { lineS, lines, width, heightPx }) {
    Object.assign(this, { page, lineS, mostLines: lines, tileWidth: width, heightPx });
    this.canvas = h("canvas", { role: "img", class: "lines" });
    this.canvas.addEventListener("click", (event) => this.open(event));
    this.root = h("div", { class: "paper" }, this.canvas);
  }

  get lines() {
    return Math.max(1, Math.min(this.mostLines, Math.ceil(this.page.end / this.lineS)));
  }

  get lengthS() {
    return this.lineS * this.lines;
  }

  // Lines begin at whole minutes and hours of the recording.
  from(at) {
    return Math.floor(at / this.lineS) * this.lineS;
  }

  open(event) {
    const box = this.canvas.getBoundingClientRect();
    const line = Math.floor((event.clientY - box.top) / this.heightPx);
    const part = (event.clientX - box.left - LABEL_PX) / (box.width - LABEL_PX);
    if (part >= 0) this.page.openStrip(this.shownFrom + (line + part) * this.lineS);
  }

  draw(at) {
    const width = this.root.clientWidth;
    if (!width) return;
    this.shownFrom = this.from(at);
    const height = this.lines * this.heightPx;
    this.canvas.style.height = `${height}px`;
    const ctx = prepare(this.canvas, width, height);
    ctx.fillStyle = inks().page;
    ctx.fillRect(0, 0, width, height);
    const lead = this.page.lead;
    const scale = this.scale(lead);
    for (let k = 0; k < this.lines; k++) this.line(ctx, width, lead, this.shownFrom + k * this.lineS, k * this.heightPx, scale);
    this.canvas.setAttribute("aria-label", `Lead ${lead.name} from ${this.page.clock(this.shownFrom)}, ${this.lines} lines of ${this.lineS / 60} minutes`);
  }

  // A known scale is the one that was chosen; without one, what is seen is fitted.
  scale(lead) {
    if (isCalibrated(lead.unit) && !paperOf(lead.unit).fitted) {
      const paper = paperOf(lead.unit);
      const mm = paper.mmPerUnit(this.page.view.gains[lead.unit] ?? paper.gain);
      return (mm / MM_A_LINE) * this.heightPx;
    }
    let [low, high] = [Infinity, -Infinity];
    this.each(lead, this.shownFrom, this.shownFrom + this.lengthS, (_, v, w) => {
      if (v !== null) [low, high] = [Math.min(low, v), Math.max(high, w)];
    });
    return low < high ? (2 * FILL * this.heightPx) / (high - low) : 1;
  }

  each(lead, from, to, act) {
    const step = WIDTHS[this.tileWidth];
    for (let number = Math.floor(from / (TILE * step)); number * TILE * step < to; number++) {
      const tile = this.page.store.tile(lead.name, this.tileWidth, number);
      if (!tile) continue;
      const held = new Uint8Array(TILE);
      for (const [first, end] of tile.held) held.fill(1, first, end);
      for (let k = Math.max(0, Math.floor((from - tile.start_s) / step)); k < TILE && tile.start_s + k * step < to; k++) act(tile.start_s + k * step, tile.low[k], tile.high[k], held[k]);
    }
  }

  line(ctx, width, lead, from, top, scale) {
    const to = Math.min(from + this.lineS, this.page.end);
    const pxPerS = (width - LABEL_PX) / this.lineS;
    const x = (s) => LABEL_PX + (s - from) * pxPerS;
    const middle = top + this.heightPx / 2;
    const y = (v) => Math.min(top + this.heightPx - 1, Math.max(top + 1, middle - v * scale));
    ctx.fillStyle = inks().pageFine;
    ctx.fillRect(LABEL_PX, top + this.heightPx - 1, width - LABEL_PX, 1);
    if (from >= this.page.end) return;
    ctx.fillStyle = inks().pageInk;
    ctx.font = `12px ${inks().font}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "start";
    ctx.fillText(this.page.clock(from), 4, middle);
    this.shades(ctx, from, to, x, top);
    ctx.save();
    ctx.beginPath();
    ctx.rect(LABEL_PX, top, width - LABEL_PX, this.heightPx);
    ctx.clip();
    this.trace(ctx, lead, from, to, x, y, top);
    ctx.restore();
  }

  shades(ctx, from, to, x, top) {
    for (const one of this.page.findings()) {
      if (one.to < from || one.from >= to) continue;
      const left = Math.max(x(one.from), LABEL_PX);
      ctx.fillStyle = inks().mark;
      ctx.globalAlpha = one.priority === "none" ? 0.1 : 0.24;
      ctx.fillRect(left, top + 1, Math.max(3, x(Math.min(one.to, to)) - left), this.heightPx - 2);
      ctx.globalAlpha = 1;
      ctx.fillRect(left, top + 1, 2, this.heightPx - 2);
    }
  }

  // Columns from the lowest to the highest value, each reaching to the one before, so that a steep trace is not torn.
  trace(ctx, lead, from, to, x, y, top) {
    const wide = Math.max(1, x(from + WIDTHS[this.tileWidth]) - x(from));
    const level = this.levels(lead, from, to);
    let before = null;
    let open = null;
    let at = -1;
    ctx.fillStyle = inks().trace;
    const close = (s) => {
      if (open !== null) drawGap(ctx, x(open), x(s), top + this.heightPx);
      open = null;
    };
    this.each(lead, from, to, (s, low, high, isHeld) => {
      at += 1;
      if (low === null) {
        before = null;
        if (!isHeld || this.page.reason(s)) open ??= s;
        else close(s);
        return;
      }
      close(s);
      const own = [y(high - level[at]), y(low - level[at])];
      const [up, down] = before ? [Math.min(own[0], before[1]), Math.max(own[1], before[0])] : own;
      ctx.fillRect(x(s), up, wide, Math.max(1.2, down - up));
      before = own;
    });
    close(to);
  }

  // Where the baseline lies at each stretch: the mean middle of those around it.
  levels(lead, from, to) {
    const sums = [0];
    const counts = [0];
    this.each(lead, from, to, (_, low, high) => {
      sums.push(sums.at(-1) + (low === null ? 0 : (low + high) / 2));
      counts.push(counts.at(-1) + (low === null ? 0 : 1));
    });
    return Array.from({ length: sums.length - 1 }, (_, k) => {
      const [a, b] = [Math.max(0, k - LEVEL), Math.min(sums.length - 1, k + LEVEL + 1)];
      return counts[b] > counts[a] ? (sums[b] - sums[a]) / (counts[b] - counts[a]) : 0;
    });
  }
}
