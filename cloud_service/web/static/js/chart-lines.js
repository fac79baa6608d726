// Quantities over time as lines; what was not measured is a break. One unit has the left axis; others are not drawn.

import { drawLevels, drawUnit, stepAt } from "./chart-panel.js";
import { inks } from "./paper.js";
import { numberText, quantityName, unitText } from "./words.js";

const DASHES = [[], [5, 3], [1, 3], [8, 3, 1, 3], [2, 2], [10, 4]];

export class LinesChart {
  heightPx = 130;

  // `group` is {columns, steps, lost} as of groupsOf; `names` the quantities to draw, of which those of one unit are.
  show(group, names) {
    const columns = names.map((name) => group.columns.find((one) => one.quantity === name)).filter(Boolean);
    this.unit = columns[0]?.unit ?? "";
    this.columns = columns.filter((one) => one.unit === this.unit);
    Object.assign(this, { steps: group.steps, lost: group.lost });
  }

  draw(ctx, area) {
    const values = this.steps.flatMap((step) => this.columns.map((one) => step.values[one.quantity])).filter((v) => v !== null && v !== undefined);
    const [low, high] = rounded(Math.min(...values), Math.max(...values), this.unit);
    const y = (v) => area.bottom - ((v - low) / (high - low)) * (area.bottom - area.top - 4);
    const decimals = high - low >= 20 ? 0 : Math.min(2, Math.max(this.columns[0]?.decimals ?? 0, high - low < 4 ? 1 : 0));
    drawLevels(ctx, area, [low, (low + high) / 2, high].map((v) => [v.toFixed(decimals), y(v)]));
    drawUnit(ctx, area, unitText(this.unit));
    const styles = [inks().mark, inks().ink, inks().right, inks().faint];
    ctx.rect(area.left, 0, area.right - area.left, area.bottom + 1);
    ctx.clip();
    this.columns.forEach((one, k) => {
      ctx.strokeStyle = styles[k % styles.length];
      ctx.setLineDash(DASHES[k % DASHES.length]);
      ctx.lineWidth = 1.6;
      trace(ctx, this.steps, this.lost, (step) => step.values[one.quantity], area.x, y);
    });
    ctx.setLineDash([]);
    this.drawNames(ctx, area, styles);
  }

  drawNames(ctx, area, styles) {
    ctx.font = `11px ${inks().font}`;
    ctx.textBaseline = "top";
    let x = area.left + 6;
    this.columns.forEach((one, k) => {
      const name = quantityName(one.quantity, one.name);
      ctx.setLineDash(DASHES[k % DASHES.length]);
      ctx.strokeStyle = ctx.fillStyle = styles[k % styles.length];
      ctx.beginPath();
      ctx.moveTo(x, area.top + 6);
      ctx.lineTo(x + 20, area.top + 6);
      ctx.stroke();
      ctx.fillText(name, x + 24, area.top);
      x += 40 + ctx.measureText(name).width;
    });
    ctx.setLineDash([]);
  }

  read(seconds) {
    const step = stepAt(this.steps, seconds);
    return this.columns.map((one) => `${quantityName(one.quantity, one.name)} ${numberOf(one, step)}`).join(", ");
  }

  said() {
    const last = this.steps.at(-1);
    return last ? `latest ${this.columns.map((one) => `${quantityName(one.quantity, one.name)} ${numberOf(one, last)}`).join(", ")}` : "nothing measured yet";
  }
}

export function numberOf(column, step) {
  const value = step?.values[column.quantity] ?? null;
  return value === null ? "not measured" : `${numberText({ ...column, value })} ${unitText(column.unit)}`.trim();
}

export function trace(ctx, steps, lost, value, x, y) {
  ctx.beginPath();
  let end = null;
  for (const step of steps) {
    const v = value(step) ?? null;
    if (v === null) {
      end = null;
      continue;
    }
    const isBroken = end === null || step.from - end > 0.5 * step.length || lost.some((at) => at >= end && at < step.from);
    const middle = (step.from + step.to) / 2;
    if (isBroken) {
      ctx.moveTo(x(step.from), y(v));
      ctx.lineTo(x(middle), y(v));
    } else ctx.lineTo(x(middle), y(v));
    ctx.lineTo(x(step.to), y(v));
    end = step.to;
  }
  ctx.stroke();
}

// Round numbers with some air; a share never needs more than all of it.
function rounded(low, high, unit) {
  if (!(high >= low) || (low === 0 && high === 0)) return [0, 1];
  const span = Math.max(high - low, 0.2 * Math.abs(high));
  const step = 10 ** Math.floor(Math.log10(span));
  const first = low >= 0 && low < 0.6 * high ? 0 : Math.floor((low - 0.1 * span) / step) * step;
  const last = Math.ceil((high + 0.15 * span) / step) * step;
  const whole = { "%": 100, 1: 1 }[unit] ?? Infinity;
  return [first, high <= whole ? Math.min(whole, last) : last];
}
