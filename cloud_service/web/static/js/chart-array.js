// A spectral array: each step a column, each quantity a place on the axis, its value a colour.

import { drawLevels, drawUnit, stepAt } from "./chart-panel.js";
import { inks } from "./paper.js";
import { unitText } from "./words.js";

// From little to much: dark blue, green, yellow; lighter throughout, so that it also reads without colour.
const RAMP = [[14, 18, 60], [33, 60, 130], [30, 110, 140], [50, 160, 120], [150, 205, 85], [250, 235, 110]];
const TAILS = 0.02; // share of the values at either end that one colour stands for

export class ArrayChart {
  heightPx = 170;

  show(group, names, chart) {
    Object.assign(this, { names, steps: group.steps, axis: chart.axis, axisUnit: chart.axis_unit, column: group.columns.find((one) => one.quantity === names[0]) });
    const values = this.steps.flatMap((step) => names.map((name) => step.values[name])).filter((v) => v !== null && v !== undefined).sort((a, b) => a - b);
    const at = (share) => values[Math.min(values.length - 1, Math.max(0, Math.round(share * (values.length - 1))))];
    [this.low, this.high] = values.length ? [at(TAILS), Math.max(at(1 - TAILS), at(TAILS) + 1e-6)] : [0, 1];
    this.edges = edgesOf(this.axis);
  }

  draw(ctx, area) {
    const [first, last] = [this.edges[0], this.edges.at(-1)];
    const y = (v) => area.bottom - ((v - first) / (last - first)) * (area.bottom - area.top);
    drawUnit(ctx, area, this.axisUnit);
    ctx.save();
    ctx.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
    ctx.clip();
    for (const step of this.steps) {
      const [x0, x1] = [Math.floor(area.x(step.from)), Math.ceil(area.x(step.to))];
      if (x1 < area.left || x0 > area.right) continue;
      this.names.forEach((name, k) => {
        const v = step.values[name] ?? null;
        if (v === null) return;
        const [top, bottom] = [Math.floor(y(this.edges[k + 1])), Math.ceil(y(this.edges[k]))];
        ctx.fillStyle = this.colour(v);
        ctx.fillRect(x0, top, Math.max(1, x1 - x0), bottom - top);
      });
    }
    ctx.restore();
    const ticks = [5, 10, 15, 20, 25, 30, 40, 50].filter((one) => one > first && one <= last);
    drawLevels(ctx, { ...area, right: area.left }, ticks.map((one) => [String(one), y(one)]));
    this.drawKey(ctx, area);
  }

  // What the colours mean, at the right end above the chart's foot.
  drawKey(ctx, area) {
    const [wide, tall] = [90, 7];
    const unit = unitText(this.column?.unit);
    const text = `${this.low.toFixed(0)} to ${this.high.toFixed(0)} ${unit}`;
    ctx.font = `11px ${inks().font}`;
    const total = wide + ctx.measureText(text).width + 22;
    const [x, y] = [area.right - total, area.top + 4];
    ctx.fillStyle = inks().page;
    ctx.globalAlpha = 0.85;
    ctx.fillRect(x, y - 2, total, 17);
    ctx.globalAlpha = 1;
    for (let k = 0; k < wide; k++) {
      ctx.fillStyle = this.colour(this.low + (k / wide) * (this.high - this.low));
      ctx.fillRect(x + 6 + k, y + 3, 1, tall);
    }
    ctx.fillStyle = inks().pageInk;
    ctx.textBaseline = "middle";
    ctx.fillText(text, x + wide + 12, y + 7);
  }

  colour(v) {
    const at = Math.min(0.9999, Math.max(0, (v - this.low) / (this.high - this.low))) * (RAMP.length - 1);
    const [a, b] = [RAMP[Math.floor(at)], RAMP[Math.floor(at) + 1]];
    const part = at - Math.floor(at);
    return `rgb(${a.map((one, k) => Math.round(one + part * (b[k] - one))).join(" ")})`;
  }

  read(seconds) {
    const top = this.strongest(stepAt(this.steps, seconds));
    return top === null ? "not measured" : `most at ${top} ${this.axisUnit}`;
  }

  strongest(step) {
    if (!step) return null;
    let best = null;
    this.names.forEach((name, k) => {
      const v = step.values[name] ?? null;
      if (v !== null && (best === null || v > best.v)) best = { v, at: this.axis[k] };
    });
    return best?.at ?? null;
  }

  said() {
    const top = this.strongest(this.steps.at(-1));
    return top === null ? "nothing measured yet" : `latest with most power at ${top} ${this.axisUnit}`;
  }
}

// Half way between the places, and as far beyond the first and the last.
function edgesOf(axis) {
  const inner = axis.slice(1).map((one, k) => (one + axis[k]) / 2);
  return [Math.max(0, axis[0] - (inner[0] - axis[0])), ...inner, axis.at(-1) + (axis.at(-1) - inner.at(-1))];
}
