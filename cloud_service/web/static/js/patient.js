// One patient across beds and recordings: what is handed over, numbers by the clock, findings.

import { get } from "./api.js";
import { order } from "./bed-orders.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { called, keepName, nameOf } from "./names.js";
import { sure } from "./sure.js";
import { kindLabel, numberText, priorityMark, short, stamp, taskLabel, unitText } from "./words.js";
import { verdictText } from "./verdict.js";

const { subject } = byId("patient").dataset;
const api = `/patients/${encodeURIComponent(subject)}`;
const HEIGHT = 180;
const MOST_PLOTS = 6;
const LEADING = 3; // quantities of a task that are shown at once
const plots = new Map();
let bed = null;

function lengthText(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(seconds / 3600).toFixed(1)} h`;
}

const showWho = gathered(async () => {
  const patient = await get(api);
  bed = patient.bed;
  write(byId("who"), called(subject));
  write(byId("where"), `${bed ? `in ${bed}` : "in no bed"}, known since ${stamp(patient.since)}`);
  if (byId("discharge")) byId("discharge").disabled = bed === null;
  fill(byId("stays"), table([
    ["Recording", (one) => h("a", { href: `/devices/${encodeURIComponent(one.device)}/recordings/${encodeURIComponent(one.recording)}` }, short(one.recording))],
    ["Bed", (one) => one.device],
    ["Begun", (one) => `${stamp(one.began)}${one.by_arrival ? ", by its arrival" : ""}`],
    ["Ended", (one) => (one.ended ? stamp(one.ended) : "running")],
    ["Why", (one) => one.reason ?? ""],
  ], patient.stays, { label: "Recordings" }));
}, 1000);

const showShift = gathered(async () => {
  const shift = await get(`${api}/shift?hours=${byId("hours").value}`);
  write(byId("shift-of"), `${stamp(shift.since)} to ${stamp(shift.until)}: ${lengthText(shift.recorded_s)} recorded${shift.lost_s ? `, ${lengthText(shift.lost_s)} of it lost` : ""}.`);
  const words = (counts) => Object.entries(counts).map(([word, n]) => `${n} ${verdictText(word).toLowerCase()}`).join(", ");
  fill(byId("found"), table([
    ["Priority", (one) => priorityMark(one.priority)],
    ["Found", (one) => kindLabel(one.kind)],
    ["Times", (one) => String(one.count), { num: true }],
    ["First", (one) => stamp(one.first)],
    ["Last", (one) => stamp(one.last)],
    ["Readers said", (one) => words(one.by_verdict) || "nothing yet"],
  ], shift.found, { empty: "Nothing was found in these hours.", label: "Found" }));
  const [first, rest] = leading(shift.measured);
  fill(byId("measured"), measuredTable(first), rest.length ? h("details", { class: "no-print" }, h("summary", {}, `${rest.length} more quantities`), measuredTable(rest)) : null);
}, 1500);

// What each task names first goes before the rest, which is for those who look for it.
function leading(measured) {
  const seen = new Map();
  const first = measured.filter((one) => {
    const key = `${one.task}|${one.leads.join()}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return seen.get(key) <= LEADING;
  });
  return [first, measured.filter((one) => !first.includes(one))];
}

function measuredTable(rows) {
  const number = (one, value) => numberText({ ...one, value });
  return table([
    ["Measured", (one) => `${one.name}${unitText(one.unit) ? `, ${unitText(one.unit)}` : ""}`],
    ["Of", (one) => `${taskLabel(one.task)}, ${one.leads.join(", ")}`],
    ["Least", (one) => number(one, one.least), { num: true }],
    ["Mean", (one) => number(one, one.mean), { num: true }],
    ["Most", (one) => number(one, one.most), { num: true }],
    ["Measured in", (one) => `${Math.round(100 * one.share)} %`, { num: true }],
  ], rows, { empty: "Nothing was measured in these hours.", label: "Measured" });
}

// ---- by the clock ---------------------------------------------------------------------------------------------------

// One plot for each task, leads and unit: its first three quantities.
function groupsOf(courses) {
  const groups = new Map();
  for (const one of leading(courses)[0]) {
    const key = [one.task, one.leads.join(), one.unit].join("|");
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const rates = ([key]) => (key.endsWith("/min") ? 0 : 1);
  return [...groups].sort((a, b) => rates(a) - rates(b)).slice(0, MOST_PLOTS).map(([key, some]) => ({ key, some }));
}

function dataOf(some) {
  const times = [...new Set(some.flatMap((one) => one.times))].sort((a, b) => a - b);
  const place = new Map(times.map((time, k) => [time, k]));
  return [times, ...some.map((one) => {
    const values = Array.from({ length: times.length }, () => undefined);
    one.times.forEach((time, k) => { values[place.get(time)] = one.values[k]; });
    return values;
  })];
}

const showCourses = gathered(async () => {
  const { courses, left_off: leftOff } = await get(`${api}/courses?hours=${byId("hours").value}`);
  const groups = groupsOf(courses.filter((one) => one.values.some((value) => value !== null)));
  write(byId("course-of"), groups.length ? `${leftOff ? "There are more numbers than are drawn. " : ""}A break is a time without a recording, or one in which nothing could be measured.` : "Nothing was measured in these hours.");
  for (const [key, one] of plots) {
    if (groups.some((group) => group.key === key)) continue;
    one.plot.destroy();
    one.root.remove();
    plots.delete(key);
  }
  for (const { key, some } of groups) {
    if (plots.has(key)) plots.get(key).plot.setData(dataOf(some));
    else make(key, some);
  }
}, 3000);

function make(key, some) {
  const [first] = some;
  const area = h("div", { class: "trend" });
  const title = `${taskLabel(first.task)}, ${first.leads.join(", ")}`;
  const root = h("div", { class: "series" }, h("div", { class: "head" }, h("h3", {}, title), h("p", { class: "muted" }, unitText(first.unit))), area);
  byId("courses").append(root);
  const style = getComputedStyle(document.documentElement);
  const ink = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: ink("--ink-2"), grid: { stroke: ink("--line"), width: 1 }, ticks: { stroke: ink("--line"), width: 1 } };
  const plot = new window.uPlot({
    width: area.clientWidth, height: HEIGHT,
    scales: { x: { time: true }, y: { range: (_plot, low, high) => (low === null ? [0, 1] : [low - 0.2 * Math.max(high - low, 1e-3), high + 0.2 * Math.max(high - low, 1e-3)]) } },
    axes: [{ ...axis, values: (_plot, ticks) => ticks.map((one) => new Date(1000 * one).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })) }, { ...axis, size: 52 }],
    series: [
      { label: "at", value: (_plot, one) => (one ? stamp(1000 * one) : "") },
      ...some.map((one, k) => ({
        label: one.name, stroke: ink(["--accent", "--accent-2", "--ink-2"][k]), width: 2, dash: [undefined, [4, 3], [1, 3]][k], spanGaps: false,
        value: (_plot, value) => (value === null || value === undefined ? "" : numberText({ ...one, value })),
      })),
    ],
  }, dataOf(some), area);
  new ResizeObserver(() => plot.setSize({ width: area.clientWidth, height: HEIGHT })).observe(area);
  plots.set(key, { plot, root });
}

function renew() {
  for (const one of plots.values()) {
    one.plot.destroy();
    one.root.remove();
  }
  plots.clear();
  showCourses();
}

const showFindings = gathered(async () => {
  const { findings } = await get(`/findings?limit=10&subject=${encodeURIComponent(subject)}`);
  fill(byId("findings"), findings.length ? findings.map((one) => findingItem(one)) : h("li", { class: "muted" }, "No finding yet."));
}, 1000);

// ---- bed ------------------------------------------------------------------------------------------------------------

async function move(event) {
  event.preventDefault();
  const to = event.target.elements.to.value;
  if (!(await sure(`Move ${called(subject)} to ${to}?`, `A new recording begins in ${to}, with the usual limits${bed ? `, and ${bed} records for nobody` : ""}.`, "Move"))) return;
  await order(byId("said"), `${api}/transfer`, { to }, `Move to ${to}`);
  showWho();
}

async function discharge() {
  if (!(await sure(`Discharge ${called(subject)} from ${bed}?`, `${bed} goes on recording, for nobody, with the usual limits. What was recorded stays.`, "Discharge"))) return;
  await order(byId("said"), `/devices/${encodeURIComponent(bed)}/discharge`, {}, `Discharge from ${bed}`);
  showWho();
}

async function start() {
  const naming = byId("naming");
  naming.elements.name.value = nameOf(subject);
  naming.addEventListener("submit", (event) => event.preventDefault());
  naming.addEventListener("input", () => {
    keepName(subject, naming.elements.name.value);
    write(byId("who"), called(subject));
  });
  for (const show of [showWho, showShift, showFindings, showCourses]) show();
  if (!byId("move")) return;
  const { devices } = await get("/devices");
  byId("move").elements.to.append(...devices.filter((one) => !one.revoked).map((one) => h("option", {}, one.name)));
}

byId("move")?.addEventListener("submit", move);
byId("discharge")?.addEventListener("click", discharge);
byId("print").addEventListener("click", () => window.print());
byId("hours").addEventListener("change", () => {
  showShift();
  showCourses();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renew);
onEvents(["recording.opened", "recording.closed", "subject.assigned"], showWho);
onEvents(["finding"], () => {
  showFindings();
  showShift();
});
onEvents(["series"], showCourses);
start();
