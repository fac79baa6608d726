// The charts of a recording, as its tasks declare them, all on one clock. The series of a task that declares none are
// lines, where those are wanted.

import { get } from "./api.js";
import { ArrayChart } from "./chart-array.js";
import { LinesChart } from "./chart-lines.js";
import { MarginsChart } from "./chart-margins.js";
import { ChartPanel } from "./chart-panel.js";
import { StagesChart, nightOf } from "./chart-stages.js";
import { fill, h, table } from "./dom.js";
import { groupsOf, plotted } from "./series.js";
import { TASKS, capital, taskLabel } from "./words.js";

const FORMS = { lines: LinesChart, margins: MarginsChart, array: ArrayChart, stages: StagesChart };
const SIDE_BY_SIDE = 2; // so many sets of leads have a chart each; of more, one is chosen
const AS_LINES = "lines";

export class Charts {
  // `seek(seconds)` is asked when somebody clicks on a chart.
  constructor(box, clock, { seek = () => {}, withLines = true } = {}) {
    Object.assign(this, { box, clock, seek, withLines, panels: new Map(), chosen: new Map() });
    this.none = h("p", { class: "muted none" }, "Nothing yet: the first numbers are still being measured.");
    clock.onChange(() => { for (const one of this.panels.values()) one.panel.draw(); });
  }

  // `course` is what the service tells of a recording, `marks` its tracks of marks.
  show(course, marks) {
    this.told = { course, marks };
    const leads = course.recording.leads;
    const groups = ordered(groupsOf(course), leads.map((one) => one.name)).filter((one) => this.withLines || TASKS[one.task]?.charts?.length);
    const wanted = [...groupedCharts(groups, leads), ...stagesOf(marks)].sort((a, b) => a.rank - b.rank);
    const ends = [...course.series, ...marks.map((one) => ({ end: one.ends.at(-1), fs_hz: one.fs_hz }))].map((one) => one.end / one.fs_hz);
    this.clock.reach(Math.max(...ends, 0));
    for (const [key, one] of this.panels) {
      if (wanted.some((other) => other.key === key)) continue;
      one.root.remove();
      this.panels.delete(key);
    }
    for (const one of wanted) this.place(one);
    if (wanted.length) this.none.remove();
    else if (this.withLines) this.box.append(this.none);
  }

  place(one) {
    if (!this.panels.has(one.key)) this.panels.set(one.key, this.make(one));
    const made = this.panels.get(one.key);
    const chosen = one.groups.find((group) => group.leads.join() === this.chosen.get(one.key)) ?? one.groups[0];
    if (made.choice) offer(made.choice, one.groups, chosen);
    this.box.append(made.root); // in the order in which they are declared
    if (one.stages) {
      made.chart.show(one.stages, one.chart);
      showNight(made.night, one.stages, one.chart);
    } else made.chart.show(chosen, one.names, one.chart);
    made.panel.renew();
  }

  make(one) {
    const chart = new FORMS[one.chart.form]();
    const choice = one.groups.length > 1 ? h("select", { "aria-label": `Leads of ${one.title}`, on: { change: (event) => this.choose(one.key, event.target.value) } }) : null;
    if (one.stages) chart.show(one.stages, one.chart);
    const panel = new ChartPanel(one.title, this.clock, chart, { choice, seek: this.seek });
    panel.root.dataset.form = one.chart.form;
    const night = h("div", { class: "night" });
    return { chart, choice, panel, night, root: h("div", { class: "chart-row" }, panel.root, one.stages ? night : null) };
  }

  choose(key, leads) {
    this.chosen.set(key, leads);
    this.show(this.told.course, this.told.marks);
  }
}

// In the order in which the recording has its leads.
const ordered = (groups, leads) => [...groups].sort((a, b) => leads.indexOf(a.leads[0]) - leads.indexOf(b.leads[0]));

// The marks that charts are made of, of the recording at `path`.
export async function chartedMarks(path) {
  const wanted = Object.entries(TASKS).flatMap(([task, one]) => (one.charts ?? []).filter((chart) => chart.mark).map((chart) => [task, chart.mark]));
  const told = await Promise.all(wanted.map(([task, kind]) => get(`${path}/marks?task=${encodeURIComponent(task)}&kind=${encodeURIComponent(kind)}`)));
  return told.flatMap((one) => one.marks);
}

// Some sets of leads side by side, or many behind one choice.
function groupedCharts(groups, leads) {
  return Object.keys({ ...TASKS, ...Object.fromEntries(groups.map((one) => [one.task, null])) }).flatMap((task, order) => {
    const mine = groups.filter((one) => one.task === task);
    return mine.length ? chartsOf(task, mine).flatMap((chart, k) => charted(task, chart, mine, { leads, rank: order + k / 100 })) : [];
  });
}

function charted(task, chart, groups, { leads, rank }) {
  const wanted = groups.filter((one) => chart.quantities.some((name) => one.columns.some((column) => column.quantity === name)));
  const made = (some, title) => ({ key: `${task}|${chart.name}|${title}`, rank, chart, names: chart.quantities, title, groups: some });
  if (wanted.length > SIDE_BY_SIDE) return [made(wanted, capital(chart.label))];
  return wanted.map((one) => made([one], `${capital(chart.label)}, ${placed(one.leads, leads)}`));
}

function chartsOf(task, groups) {
  const declared = (TASKS[task]?.charts ?? []).filter((one) => !one.mark && one.quantities.length);
  if (TASKS[task]?.charts?.length) return declared;
  return [{ name: AS_LINES, form: AS_LINES, label: taskLabel(task), quantities: plotted(groups[0].columns).map((one) => one.quantity), axis: [] }];
}

function stagesOf(tracks) {
  return Object.entries(TASKS).flatMap(([task, one], order) => (one.charts ?? []).filter((chart) => chart.mark).flatMap((chart, k) => tracks
    .filter((track) => track.task === task && track.kind === chart.mark)
    .map((track) => {
      const title = `${capital(chart.label)}, ${shortened(track.leads)}`;
      return { key: `${task}|${chart.name}|${title}`, rank: order + k / 100, chart, title, groups: [], stages: stretches(track) };
    })));
}

const stretches = (track) => track.starts.map((start, k) => ({
  from: start / track.fs_hz, to: track.ends[k] / track.fs_hz, label: track.labels[k], origin: track.origins[k],
}));

function offer(select, groups, chosen) {
  const names = groups.map((one) => one.leads.join());
  if (select.dataset.names !== names.join("|")) fill(select, groups.map((one) => h("option", { value: one.leads.join() }, shortened(one.leads))));
  select.dataset.names = names.join("|");
  select.value = chosen.leads.join();
}

// Electrodes with odd numbers are on the left, those with even ones on the right.
function placed(names, leads) {
  const isEeg = names.length > 2 && names.every((name) => leads.find((one) => one.name === name)?.kind === "eeg");
  const odd = names.map((name) => Number(/\d+/.exec(name)?.[0] ?? NaN) % 2);
  const side = isEeg && odd.every((one) => one === odd[0]) ? { 1: "left", 0: "right" }[odd[0]] : null;
  return side ? `${side} side, ${names.length} leads` : shortened(names);
}

const shortened = (leads) => (leads.length > 4 ? `${leads.slice(0, 3).join(", ")} and ${leads.length - 3} more` : leads.join(", "));

function showNight(box, stages, chart) {
  if (!chart.awake.length) return fill(box);
  const night = nightOf(stages, chart);
  const inMinutes = (value) => (value === null ? "nobody slept yet" : `${value.toFixed(1)} min`);
  const facts = [
    ["Recorded", inMinutes(night.recorded)], ["Asleep", inMinutes(night.asleep)],
    ["Efficiency", night.efficiency === null ? "nothing decided" : `${night.efficiency.toFixed(0)} %`],
    ["From the start to sleep", inMinutes(night.latency)], ["Awake after that", inMinutes(night.awakeAfter)],
    ["Without an answer", inMinutes(night.undecided)],
  ];
  fill(box, h("dl", { class: "facts" }, facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${chart.label} in numbers` }, table([
    ["Stage", (one) => one.label],
    ["Minutes", (one) => one.minutes.toFixed(1), { num: true }],
    ["Share", (one) => (one.share === null ? "" : `${one.share.toFixed(0)} %`), { num: true }],
    ["From sleep to it", (one) => (one.begins === null ? "" : `${one.begins.toFixed(1)} min`), { num: true }],
  ], night.stages, { label: "Minutes in each stage" })));
}
