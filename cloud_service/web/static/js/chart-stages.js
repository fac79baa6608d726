// Which state held when, each on its row: a hypnogram, and what the night comes to in numbers.

import { drawLevels, stepAt } from "./chart-panel.js";
import { inks } from "./paper.js";
import { place } from "./words.js";

const ROW = 22;

export class StagesChart {
  // `stages` are {from, to, label, origin} in order; `chart` names the labels from top to bottom.
  show(stages, chart) {
    Object.assign(this, { stages, labels: chart.labels, awake: chart.awake });
    this.heightPx = ROW * (chart.labels.length + 1) + 24;
  }

  draw(ctx, area) {
    const rows = [...this.labels, "?"];
    const step = (area.bottom - area.top) / rows.length;
    const y = (label) => area.top + (Math.max(0, rows.indexOf(this.labels.includes(label) ? label : "?")) + 0.5) * step;
    drawLevels(ctx, area, rows.map((label) => [label === "?" ? "no answer" : label, y(label)]));
    ctx.rect(area.left, 0, area.right - area.left, area.bottom);
    ctx.clip();
    const { mark, ink, faint } = inks();
    let before = null;
    for (const one of this.stages) {
      const isNamed = this.labels.includes(one.label);
      const [x0, x1] = [area.x(one.from), area.x(one.to)];
      ctx.fillStyle = faint;
      if (before && one.from - before.to < 1 && y(before.label) !== y(one.label)) {
        ctx.fillRect(Math.round(x0), Math.min(y(before.label), y(one.label)), 1, Math.abs(y(before.label) - y(one.label)));
      }
      ctx.fillStyle = !isNamed ? faint : this.awake.includes(one.label) ? ink : mark;
      const thick = isNamed ? 5 : 2;
      ctx.fillRect(x0, y(one.label) - thick / 2, Math.max(1, x1 - x0 + 0.5), thick);
      before = one;
    }
  }

  read(seconds) {
    const one = stepAt(this.stages, seconds);
    return one ? `${this.labels.includes(one.label) ? one.label : "no answer"}${one.origin ? ` by ${one.origin}` : ""}` : "nothing decided";
  }

  said() {
    const last = this.stages.at(-1);
    return last ? `${this.stages.length} decided, the latest ${last.label} at ${place(last.from, 1)}` : "nothing decided yet";
  }
}

const minutes = (seconds) => seconds / 60;

// The night so far by the AASM manual's measures. What cannot be said is null: the time to sleep before anybody slept.
export function nightOf(stages, { labels, awake }) {
  const length = (these) => these.reduce((sum, one) => sum + one.to - one.from, 0);
  const isSleep = (one) => labels.includes(one.label) && !awake.includes(one.label);
  const known = stages.filter((one) => labels.includes(one.label));
  const first = stages.find(isSleep) ?? null;
  const asleep = length(stages.filter(isSleep));
  const after = first === null ? [] : stages.filter((one) => one.from >= first.from && awake.includes(one.label));
  return {
    recorded: minutes(length(stages)),
    undecided: minutes(length(stages) - length(known)),
    asleep: minutes(asleep),
    efficiency: known.length ? (100 * asleep) / length(known) : null,
    latency: first === null ? null : minutes(first.from - stages[0].from),
    awakeAfter: first === null ? null : minutes(length(after)),
    stages: labels.map((label) => {
      const mine = stages.filter((one) => one.label === label);
      const begins = mine.length && first && !awake.includes(label) ? minutes(mine[0].from - first.from) : null;
      return { label, minutes: minutes(length(mine)), share: known.length ? (100 * length(mine)) / length(known) : null, begins };
    }),
  };
}
