// The strip a finding rests on: the same paper, standing still, with the beats lettered above it.

import { h } from "./dom.js";
import { HEIGHT_MM, drawGap, drawPaper, drawPulse, drawScale, drawTrace, inks, layout, prepare } from "./paper.js";
import { place } from "./words.js";

const VIEW = { speed: 25, gain: 10 };

// `marks` gives [{sample, letter, chosen}] each time it is drawn. One lead's waves are drawn as one strip.
export class FindingStrip {
  constructor(waves, marks) {
    this.marks = marks;
    this.lead = waves[0].lead;
    this.fsHz = waves[0].fs_hz;
    this.unit = waves[0].unit;
    this.start = Math.min(...waves.map((one) => one.start));
    this.end = Math.max(...waves.map((one) => one.start + one.samples.length));
    this.values = new Float32Array(this.end - this.start).fill(NaN);
    for (const wave of waves) wave.samples.forEach((v, k) => { this.values[wave.start - this.start + k] = v ?? NaN; });
    this.at = layout({ ...VIEW, fsHz: this.fsHz });
    this.width = this.at.plotX + ((this.end - this.start) / this.fsHz) * this.at.pxPerS + 8;
    this.canvas = h("canvas", { role: "img" });
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${HEIGHT_MM}mm`;
    this.box = h("div", { class: "paper long", tabindex: "0", role: "region", "aria-label": `Strip of lead ${this.lead}` }, this.canvas);
    const calibrated = this.unit === "mV" ? `${VIEW.gain} mm/mV, calibration pulse 1 mV 200 ms` : "not calibrated";
    this.root = h("figure", { class: "strip", "data-lead": this.lead }, this.box,
      h("figcaption", {}, `Lead ${this.lead}, ${VIEW.speed} mm/s, ${calibrated}, from ${place(this.start, this.fsHz)} of the recording, ${((this.end - this.start) / this.fsHz).toFixed(1)} s`));
    document.addEventListener("bedside:inks", () => this.draw());
  }

  x(sample) {
    return this.at.plotX + ((sample - this.start) / this.fsHz) * this.at.pxPerS;
  }

  holds(sample) {
    return sample >= this.start && sample < this.end;
  }

  draw() {
    const { at } = this;
    const ctx = prepare(this.canvas, this.width, at.height);
    const marks = this.marks().filter((one) => this.holds(one.sample));
    drawPaper(ctx, this.width, at.height);
    this.highlight(ctx, marks);
    if (this.unit === "mV") drawPulse(ctx, at);
    drawScale(ctx, at, this.lead, this.unit === "mV");
    this.gaps(ctx);
    const y = this.scale();
    drawTrace(ctx, this.start, this.end, (i) => this.values[i - this.start], (i) => this.x(i), y);
    this.letters(ctx, marks);
    this.canvas.setAttribute("aria-label", `ECG strip, lead ${this.lead}, ${marks.length} beats marked: ${marks.map((one) => one.letter).join(" ")}`);
  }

  highlight(ctx, marks) {
    ctx.fillStyle = inks().mark;
    ctx.globalAlpha = 0.14;
    for (const one of marks) if (one.chosen) ctx.fillRect(this.x(one.sample) - 14, 0, 28, this.at.height);
    ctx.globalAlpha = 1;
  }

  scale() {
    if (this.unit === "mV") return (v) => this.at.zero - v * this.at.pxPerMv;
    const known = this.values.filter((v) => !Number.isNaN(v));
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const px = (0.7 * this.at.height) / Math.max(high - low, 1e-9);
    return (v) => this.at.height / 2 - (v - (low + high) / 2) * px;
  }

  gaps(ctx) {
    let open = null;
    for (let i = this.start; i <= this.end; i++) {
      const missing = i < this.end && Number.isNaN(this.values[i - this.start]);
      if (missing && open === null) open = i;
      if (!missing && open !== null) {
        drawGap(ctx, this.x(open), this.x(i), this.at.height);
        open = null;
      }
    }
  }

  letters(ctx, marks) {
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    for (const one of marks) {
      const x = this.x(one.sample);
      ctx.font = `${one.chosen ? "bold 15px" : "600 13px"} ${inks().font}`;
      ctx.fillStyle = one.chosen ? inks().mark : inks().ink;
      ctx.fillText(one.letter, x, 3);
      ctx.fillRect(x - 0.5, 20, 1, 5);
    }
    ctx.textAlign = "start";
  }

  show(sample) {
    const x = this.x(sample);
    if (x < this.box.scrollLeft + 40 || x > this.box.scrollLeft + this.box.clientWidth - 40) {
      this.box.scrollLeft = x - this.box.clientWidth / 2;
    }
  }
}

// One strip for each lead and each stretch that stands apart.
export function makeStrips(waves, marks) {
  const groups = [];
  for (const wave of waves) {
    const near = groups.find((one) => one[0].lead === wave.lead && one[0].fs_hz === wave.fs_hz && Math.abs(wave.start - (one.at(-1).start + one.at(-1).samples.length)) <= 2 * wave.fs_hz);
    if (near) near.push(wave);
    else groups.push([wave]);
  }
  return groups.map((one) => new FindingStrip(one, marks));
}
