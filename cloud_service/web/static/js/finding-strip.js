// The strip a finding rests on: the same paper, standing still, with the marks of the stretch above it.

import { h, write } from "./dom.js";
import { inks, drawGap, drawPaper, drawPulse, drawScale, drawTicks, drawTrace, layout, prepare, scaleOf } from "./paper.js";
import { scaleText } from "./papers.js";
import { LANE_PX, drawMarks, lanesOf, marksText } from "./presenters.js";
import { leadText, place } from "./words.js";

const BESIDE_S = 0.1; // so far beside a mark valid signal still shows it, as the service has it

export class FindingStrip {
  // `marks` gives what is to be drawn each time it is drawn (see presenters.js). One lead's waves are one strip.
  constructor(waves, view, marks) {
    Object.assign(this, { view, marks });
    const [first] = waves;
    this.lead = { name: first.lead, kind: first.kind, unit: first.unit };
    this.fsHz = first.fs_hz;
    this.start = Math.min(...waves.map((one) => one.start));
    this.end = Math.max(...waves.map((one) => one.start + one.samples.length));
    this.values = new Float32Array(this.end - this.start).fill(NaN);
    for (const wave of waves) wave.samples.forEach((v, k) => { this.values[wave.start - this.start + k] = v ?? NaN; });
    this.canvas = h("canvas", { role: "img" });
    this.box = h("div", { class: "paper long", tabindex: "0", role: "region", "aria-label": `Strip of lead ${leadText(this.lead)}` }, this.canvas);
    this.caption = h("figcaption", {});
    this.root = h("figure", { class: "strip", "data-lead": this.lead.name, "data-unit": this.lead.unit }, this.box, this.caption);
    document.addEventListener("bedside:inks", () => this.draw());
    new ResizeObserver(() => { if (this.at?.isPage && this.root.clientWidth !== this.drawnFor) this.draw(); }).observe(this.root);
  }

  x(seconds) {
    return this.at.plotX + (seconds - this.start / this.fsHz) * this.at.pxPerS;
  }

  // `seconds` of the recording
  holds(seconds) {
    return seconds >= this.start / this.fsHz && seconds < this.end / this.fsHz;
  }

  overlaps(mark) {
    return mark.to > mark.from ? mark.to > this.start / this.fsHz && mark.from < this.end / this.fsHz : this.holds(mark.from);
  }

  // Whether a reader sees what a mark is about: drawn, on a lead of the mark, with valid signal at the mark.
  shows(mark) {
    if (!this.at || !this.root.isConnected || !mark.leads.includes(this.lead.name)) return false;
    const first = Math.max(0, Math.ceil((mark.from - BESIDE_S) * this.fsHz) - this.start);
    const last = Math.floor((mark.to + BESIDE_S) * this.fsHz) + 1 - this.start;
    return this.values.subarray(first, Math.max(first, last)).some((value) => !Number.isNaN(value));
  }

  draw() {
    this.drawnFor = this.root.clientWidth;
    const at = (this.at = layout(this.lead.unit, this.view, (this.drawnFor || 960) - 2));
    const marks = this.marks(this).filter((one) => this.overlaps(one));
    const top = lanesOf(marks).length * LANE_PX;
    const seconds = (this.end - this.start) / this.fsHz;
    const width = at.plotX + seconds * at.pxPerS + (at.isPage ? 0 : 8);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${top + at.height}px`;
    const ctx = prepare(this.canvas, width, top + at.height);
    const scale = this.scale(at);
    ctx.save();
    ctx.translate(0, top);
    drawPaper(ctx, width, at);
    drawPulse(ctx, at);
    drawScale(ctx, at, leadText(this.lead));
    this.gaps(ctx);
    drawTrace(ctx, this.start, this.end, (i) => this.values[i - this.start], (i) => this.x(i / this.fsHz), scale.y);
    drawTicks(ctx, at, scale);
    ctx.restore();
    ctx.fillStyle = at.paper.timeGrid ? inks().page : inks().paper;
    ctx.fillRect(0, 0, width, top);
    drawMarks(ctx, marks, { x: (s) => this.x(s), top, bottom: top + at.height });
    this.canvas.setAttribute("aria-label", `Strip, lead ${leadText(this.lead)}, ${marksText(marks)}`);
    write(this.caption, `Lead ${leadText(this.lead)}, ${at.speedText}, ${scaleText(at.unit, at.gain)}, from ${place(this.start, this.fsHz)} of the recording, ${seconds.toFixed(1)} s`);
  }

  scale(at) {
    let [low, high] = [Infinity, -Infinity];
    for (const v of at.hasPulse ? [] : this.values) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    return scaleOf(at, low, high);
  }

  gaps(ctx) {
    let open = null;
    for (let i = this.start; i <= this.end; i++) {
      const missing = i < this.end && Number.isNaN(this.values[i - this.start]);
      if (missing && open === null) open = i;
      if (!missing && open !== null) {
        drawGap(ctx, this.x(open / this.fsHz), this.x(i / this.fsHz), this.at.height);
        open = null;
      }
    }
  }

  show(seconds) {
    const x = this.x(seconds);
    if (x < this.box.scrollLeft + 40 || x > this.box.scrollLeft + this.box.clientWidth - 40) this.box.scrollLeft = x - this.box.clientWidth / 2;
  }
}

// One strip for each lead and each stretch that stands apart. A mark is drawn on the strips of its own leads; where none
// of them is shown, those the finding rests on are drawn on all.
export function makeStrips(waves, view, marks) {
  const groups = [];
  for (const wave of waves) {
    const near = groups.find((one) => one[0].lead === wave.lead && one[0].fs_hz === wave.fs_hz && Math.abs(wave.start - (one.at(-1).start + one.at(-1).samples.length)) <= 2 * wave.fs_hz);
    if (near) near.push(wave);
    else groups.push([wave]);
  }
  const shown = new Set(waves.map((one) => one.lead));
  const belongs = (mark, strip) => mark.leads.includes(strip.lead.name) || (mark.isEvidence && !mark.leads.some((lead) => shown.has(lead)));
  return groups.map((one) => new FindingStrip(one, view, (strip) => marks().filter((mark) => belongs(mark, strip))));
}
