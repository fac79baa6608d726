// Quantities over time: for each task that has some, a plot of the first ones and a table of all.

import { fill, h, table } from "./dom.js";
import { TASKS, place, numberText, quantityName, taskLabel, unitText } from "./words.js";

const MOST_LINES = 3;
const MOST_ROWS = 240;
const HEIGHT = 200;
const SIDE_BY_SIDE = 2;
const plots = new Map(); // by key: what is on the page
const chosen = new Map(); // by key: leads
let latest = null;

// One group for each task and set of leads, its columns in the order in which the task declares them.
export function groupsOf({ recording, series, losses }) {
  const groups = new Map();
  for (const one of [...series].sort((a, b) => a.start / a.fs_hz - b.start / b.fs_hz)) {
    const key = `${one.task}|${one.leads.join()}`;
    if (!groups.has(key)) groups.set(key, { key, task: one.task, leads: one.leads, columns: [], steps: [] });
    const group = groups.get(key);
    for (const column of one.columns) if (!group.columns.some((known) => known.quantity === column.quantity)) group.columns.push(column);
    group.steps.push(...stepsOf(one));
  }
  const lost = losses.filter((one) => one.length > 0).map((one) => one.start / recording.fs_hz);
  return [...groups.values()].map((group) => ({ ...group, lost }));
}

function stepsOf(series) {
  const count = Math.max(...series.columns.map((one) => one.values.length), 0);
  return Array.from({ length: count }, (_, k) => {
    const start = series.start + k * series.step;
    const values = Object.fromEntries(series.columns.map((one) => [one.quantity, one.values[k] ?? null]));
    return { from: start / series.fs_hz, to: Math.min(start + series.step, series.end) / series.fs_hz, length: series.step / series.fs_hz, values };
  });
}

// As many of the first columns as two axes can carry; a rate by the minute goes before counts of the same minute.
export function plotted(columns) {
  const units = [];
  const ordered = [...columns.filter((one) => one.unit === "/min"), ...columns.filter((one) => one.unit !== "/min")];
  return ordered.filter((one) => {
    if (!units.includes(one.unit)) {
      if (units.length === 2) return false;
      units.push(one.unit);
    }
    return true;
  }).slice(0, MOST_LINES);
}

// A stretch that nobody measured, and one that is not there at all, are breaks in the lines.
export function pointsOf({ steps, lost }, columns) {
  const x = [];
  const lines = columns.map(() => []);
  let end = null;
  for (const step of steps) {
    const isBroken = end !== null && (step.from - end > 0.5 * step.length || lost.some((at) => at >= end && at < step.from));
    if (isBroken) {
      x.push(end / 60);
      for (const line of lines) line.push(null);
    }
    x.push((step.from + step.to) / 120);
    columns.forEach((column, k) => lines[k].push(step.values[column.quantity] ?? null));
    end = step.to;
  }
  return [x, ...lines];
}

// What no chart of its task shows; of many sets of leads that say the same, one is chosen.
function uncharted(groups) {
  const left = groups.map((group) => {
    const charted = new Set((TASKS[group.task]?.charts ?? []).flatMap((one) => one.quantities));
    return { ...group, columns: group.columns.filter((one) => !charted.has(one.quantity)) };
  }).filter((group) => group.columns.length);
  const alike = new Map();
  for (const group of left) {
    const key = `${group.task}|${group.columns.map((one) => one.quantity).join()}`;
    alike.set(key, [...(alike.get(key) ?? []), group]);
  }
  return [...alike].flatMap(([key, some]) => (some.length > SIDE_BY_SIDE ? [chosenOf(key, some)] : some));
}

const chosenOf = (key, some) => ({ ...(some.find((one) => one.leads.join() === chosen.get(key)) ?? some[0]), key, choices: some.map((one) => one.leads) });

export function showSeries(box, course) {
  const groups = uncharted(groupsOf(course));
  latest = { box, course };
  for (const [key, one] of plots) {
    if (!groups.some((group) => group.key === key)) {
      one.plot?.destroy();
      one.root.remove();
      plots.delete(key);
    }
  }
  for (const group of groups) {
    if (!plots.has(group.key)) plots.set(group.key, make(box, group));
    update(plots.get(group.key), group);
  }
  const none = box.querySelector(".none");
  if (groups.length || course.series.length) none?.remove();
  else if (!none) fill(box, h("p", { class: "muted none" }, "Nothing yet: the first whole minute is still running."));
}

function make(box, group) {
  const title = `${taskLabel(group.task)}, ${group.leads.join(", ")}`;
  const one = { plot: null, area: h("div", { class: "trend" }), rows: h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title} over time` }) };
  one.root = h("div", { class: "series", "data-task": group.task },
    h("div", { class: "head" }, h("h3", {}, taskLabel(group.task)), group.choices ? choiceOf(group) : h("p", { class: "muted" }, group.leads.join(", "))),
    one.area, h("details", {}, h("summary", {}, "The same as a table"), one.rows));
  box.append(one.root);
  new ResizeObserver(() => one.plot?.setSize({ width: one.area.clientWidth, height: HEIGHT })).observe(one.area);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    one.plot?.destroy();
    one.plot = null;
    if (plots.get(group.key) === one) draw(one, one.group);
  });
  return one;
}

function choiceOf(group) {
  const choose = (event) => {
    chosen.set(group.key, event.target.value);
    showSeries(latest.box, latest.course);
  };
  return h("select", { "aria-label": `Leads of ${taskLabel(group.task)}`, on: { change: choose } }, group.choices.map((leads) => h("option", { value: leads.join() }, leads.join(", "))));
}

function update(one, group) {
  one.group = group;
  draw(one, group);
  fill(one.rows, table([
    ["From", (step) => place(step.from, 1), { num: true }],
    ...group.columns.map((column) => [headingOf(column), (step) => cell(column, step.values[column.quantity]), { num: true }]),
  ], group.steps.slice(-MOST_ROWS).reverse()));
}

function headingOf(column) {
  const [name, unit] = [quantityName(column.quantity, column.name), unitText(column.unit)];
  return name.toLowerCase().endsWith(unit.toLowerCase()) ? name : `${name} ${unit}`;
}

const cell = (column, value) => (value === null || value === undefined ? "not measured" : numberText({ ...column, value }));

function draw(one, group) {
  const columns = plotted(group.columns);
  const data = pointsOf(group, columns);
  const shape = columns.map((column) => column.quantity).join();
  if (one.plot && one.shape === shape) return one.plot.setData(data);
  one.plot?.destroy();
  one.shape = shape;
  fill(one.area);
  one.plot = new window.uPlot(options(one.area, columns), data, one.area);
}

// The first unit has the left axis, the second one the right, kept low so that the lines do not cross much.
function options(area, columns) {
  const style = getComputedStyle(document.documentElement);
  const ink = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: ink("--ink-2"), grid: { stroke: ink("--line"), width: 1 }, ticks: { stroke: ink("--line"), width: 1 } };
  const units = [...new Set(columns.map((one) => one.unit))];
  const inks = ["--accent", "--accent-2", "--ink-2"];
  return {
    width: area.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: true, y: false } },
    scales: {
      x: { time: false, range: (_plot, low, high) => (high - low < 2 ? [Math.max(0, low - 1), high + 1] : [low, high]) },
      y0: { range: (_plot, low, high) => roomy(low, high) },
      y1: { range: (_plot, low, high) => [Math.min(0, low ?? 0), Math.max(1, 2.5 * (high ?? 0))] },
    },
    axes: [
      { ...axis, label: "minutes of the recording", values: (_plot, ticks) => ticks.map((one) => String(one)) },
      ...units.map((unit, k) => ({ ...axis, scale: `y${k}`, side: k ? 1 : 3, label: unitText(unit) || "share", size: 52, grid: k ? { show: false } : axis.grid })),
    ],
    series: [
      { label: "minute", value: (_plot, one) => one?.toFixed(1) ?? "" },
      ...columns.map((column, k) => ({
        label: headingOf(column), scale: `y${units.indexOf(column.unit)}`, stroke: ink(inks[k]), width: 2, dash: [undefined, [4, 3], [1, 3]][k],
        points: { show: true, size: 6 - k, fill: k ? undefined : ink(inks[k]) }, value: (_plot, one) => (one === null || one === undefined ? "" : cell(column, one)),
      })),
    ],
  };
}

// Some air around the values, so that a steady quantity looks steady.
function roomy(low, high) {
  if (low === null || high === null) return [0, 1];
  const span = Math.max(high - low, 0.5 * Math.abs(high), 1e-6);
  const middle = (low + high) / 2;
  return [low >= 0 ? Math.max(0, middle - 0.7 * span) : middle - 0.7 * span, middle + 0.7 * span];
}
