// Two margins and the band between them on the scale of the amplitude-integrated EEG: linear from 0 to 10, logarithmic
// from 10 to 100 (Hellström-Westas 2006, doi:10.1542/neo.7-2-e76), each half of the height.

import { numberOf } from "./chart-lines.js";
import { drawLevels, drawUnit, stepAt } from "./chart-panel.js";
import { inks } from "./paper.js";
import { quantityName, unitText } from "./words.js";

const KNEE = 10;
const TOP = 100;
const LEVELS = [0, 5, 10, 25, 50, 100];

// From 0 at the foot to 1 on top.
export const heightOf = (v) => (v <= KNEE ? Math.max(0, v) / KNEE / 2 : 0.5 + Math.log10(Math.min(v, TOP) / KNEE) / Math.log10(TOP / KNEE) / 2);

export class MarginsChart {
  heightPx = 170;

  show(group, names) {
    const columns = names.map((name) => group.columns.find((one) => one.quantity === name)).filter(Boolean);
    Object.assign(this, { columns, steps: group.steps, lost: group.lost });
  }

  draw(ctx, area) {
    const y = (v) => area.bottom - heightOf(v) * (area.bottom - area.top);
    drawLevels(ctx, area, LEVELS.map((one) => [String(one), y(one)]));
    drawUnit(ctx, area, unitText(this.columns[0]?.unit));
    if (this.columns.length < 2) return;
    const { mark, ink, pageCoarse } = inks();
    const [lower, upper] = this.columns.map((one) => one.quantity);
    ctx.fillStyle = pageCoarse;
    ctx.fillRect(area.left, Math.round(y(KNEE)), area.right - area.left, 1);
    ctx.rect(area.left, 0, area.right - area.left, area.bottom);
    ctx.clip();
    for (const step of this.steps) {
      const [low, high] = [step.values[lower] ?? null, step.values[upper] ?? null];
      if (low === null || high === null) continue;
      const [x0, wide] = [area.x(step.from), Math.max(1, area.x(step.to) - area.x(step.from))];
      ctx.fillStyle = mark;
      ctx.globalAlpha = 0.35;
      ctx.fillRect(x0, y(high), wide + 0.5, Math.max(1, y(low) - y(high)));
      ctx.globalAlpha = 1;
      ctx.fillStyle = ink;
      ctx.fillRect(x0, y(high) - 1, wide + 0.5, 1.5);
      ctx.fillRect(x0, y(low) - 0.5, wide + 0.5, 1.5);
    }
  }

  read(seconds) {
    const step = stepAt(this.steps, seconds);
    return this.columns.map((one) => `${quantityName(one.quantity, one.name)} ${numberOf(one, step)}`).join(", ");
  }

  said() {
    const last = this.steps.at(-1);
    return last ? `latest ${this.columns.map((one) => numberOf(one, last)).join(" to ")}` : "nothing measured yet";
  }
}
