// Heart rate by minute, as a plot and as a table.

import { fill, h, table } from "./dom.js";
import { place } from "./words.js";

let plot = null;

export function showTrend(box, tableBox, course) {
  const { recording, trends, losses } = course;
  const minutes = trends.filter((one) => one.lead === trends[0]?.lead);
  fill(tableBox, table([
    ["From", (one) => place(one.start, recording.fs_hz), { num: true }],
    ["Mean rate /min", (one) => one.bpm_mean?.toFixed(0) ?? "not measured", { num: true }],
    ["Beats", (one) => String(one.beats), { num: true }],
    ["Ventricular", (one) => String(one.v_beats), { num: true }],
    ["Usable signal", (one) => `${Math.round(100 * one.usable_fraction)} %`, { num: true }],
  ], minutes.slice().reverse().slice(0, 240)));
  if (!minutes.length) {
    plot?.destroy();
    plot = null;
    fill(box, h("p", { class: "muted" }, "No whole minute yet."));
    return;
  }
  const data = columns(minutes, losses, recording.fs_hz);
  if (plot) return plot.setData(data);
  fill(box);
  plot = new window.uPlot(options(box), data, box);
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: 200 })).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot?.destroy();
    plot = null;
    showTrend(box, tableBox, course);
  });
}

// A minute that nobody measured, and one that is not there at all, are breaks in the line.
function columns(minutes, losses, fsHz) {
  const x = [], rate = [], v = [];
  let end = null;
  for (const one of minutes) {
    const lost = end !== null && losses.some((loss) => loss.length > 0 && loss.start >= end && loss.start < one.start);
    if (lost || (end !== null && one.start - end > 90 * fsHz)) {
      x.push(end / fsHz / 60);
      rate.push(null);
      v.push(null);
    }
    x.push((one.start + one.end) / 2 / fsHz / 60);
    rate.push(one.bpm_mean);
    v.push(one.v_beats);
    end = one.end;
  }
  return [x, rate, v];
}

function options(box) {
  const style = getComputedStyle(document.documentElement);
  const ink = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: ink("--ink-2"), grid: { stroke: ink("--line"), width: 1 }, ticks: { stroke: ink("--line"), width: 1 } };
  return {
    width: box.clientWidth,
    height: 200,
    cursor: { drag: { x: true, y: false } },
    scales: {
      x: { time: false, range: (_plot, low, high) => (high - low < 2 ? [Math.max(0, low - 1), high + 1] : [low, high]) },
      y: { range: (_plot, low, high) => [Math.min(40, Math.floor(low / 10) * 10), Math.max(120, Math.ceil(high / 10) * 10)] },
      v: { range: (_plot, _low, high) => [0, Math.max(10, high * 3)] },
    },
    axes: [
      { ...axis, label: "minutes of the recording", values: (_plot, ticks) => ticks.map((one) => String(one)) },
      { ...axis, label: "/min", size: 52 },
      { ...axis, scale: "v", side: 1, label: "V beats a minute", grid: { show: false }, size: 48 },
    ],
    series: [
      { label: "minute", value: (_plot, one) => one?.toFixed(1) ?? "" },
      { label: "heart rate /min", stroke: ink("--accent"), width: 2, points: { show: true, size: 6, fill: ink("--accent") }, value: (_plot, one) => one?.toFixed(0) ?? "" },
      { label: "V beats", scale: "v", stroke: ink("--v-ink"), width: 2, dash: [4, 3], points: { show: true, size: 5 }, value: (_plot, one) => (one ?? "").toString() },
    ],
  };
}
