// Full disclosure: every wave of a recording that the clinic has, and what it has not is asked of the device.

import { Annotator } from "./annotate.js";
import { get, post } from "./api.js";
import { byId, fill, h, onKey, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { PaperChoice, newView } from "./paper-choice.js";
import { WaveLines } from "./wave-lines.js";
import { TILE, WIDTHS, WaveStore } from "./wave-store.js";
import { WaveStrips } from "./wave-strips.js";
import { WaveTimeline } from "./wave-timeline.js";
import { leadText, place, short } from "./words.js";

const root = byId("waves");
const { device, recording } = root.dataset;
const PATH = `/devices/${encodeURIComponent(device)}/recordings/${encodeURIComponent(recording)}`;
const HELD_S = TILE * WIDTHS.ten; // seconds of a tile that says what the clinic has
const MOST_FINDINGS = 2000;
const MOST_LISTED = 8;
const FETCH_AFTER_MS = 600; // who only passes by asks for nothing
const FETCH_S = 60; // waves are asked for in whole minutes
const ASKED_MS = 1500;
const MOST_FETCHED_S = 3600;
const PATIENT_MS = 60000;

const page = {
  view: newView(), at: 0, end: 0, lead: null, leads: [], started: null,
  store: new WaveStore(PATH, () => schedule()),
  get lengthS() { return current().lengthS; },
  get shownFrom() { return current().from(this.at); },
  clock: clockOf, reason: reasonOf,
  findings: () => findings, losses: () => losses, rates: () => rates,
  marks: marksOn, measured: (lead) => (caliper?.lead === lead ? caliper : null),
  caliper: measure, goTo, openStrip, redraw: () => schedule(),
  path: PATH, facts: () => course.recording, isStrip: () => chosen === "strip", showStrip: () => show("strip"),
  packed: packedOn, onPointer: (strip, event) => annotator?.pointer(strip, event) ?? false,
};
const views = {
  strip: { label: "Strip", sheet: new WaveStrips(page) },
  minutes: { label: "A minute a line", sheet: new WaveLines(page, { lineS: 60, lines: 20, width: "fine", heightPx: 44 }) },
  hours: { label: "An hour a line", sheet: new WaveLines(page, { lineS: 3600, lines: 24, width: "second", heightPx: 34 }) },
};
let course = null;
let findings = [];
let losses = [];
let rates = [];
let packs = new Map(); // by minute of the recording
let caliper = null;
let annotator = null;
let chosen = "strip";
const current = () => views[chosen].sheet;
const timeline = new WaveTimeline(byId("timeline"), page);
const paper = new PaperChoice(byId("paper"), page.view, () => schedule());

// ---- time -----------------------------------------------------------------------------------------------------------

const STYLE = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

// The clock on the wall where the recording has one, else how far into it.
function clockOf(seconds, withSeconds = false) {
  if (page.started === null) return place(seconds, 1);
  const when = new Date(page.started + 1000 * seconds);
  return when.toLocaleTimeString([], withSeconds || chosen === "strip" ? { ...STYLE, second: "2-digit" } : STYLE);
}

function zone() {
  return new Date(page.started ?? 0).toLocaleTimeString("en", { timeZoneName: "short" }).split(" ").at(-1);
}

function whereText() {
  const from = page.shownFrom;
  const into = `${place(from, 1)} into the recording`;
  if (page.started === null) return into;
  const when = new Date(page.started + 1000 * from);
  return `${when.toLocaleDateString()} ${when.toLocaleTimeString([], { ...STYLE, second: "2-digit" })} ${zone()}, ${into}`;
}

// ---- what lies on the waves -----------------------------------------------------------------------------------------

function reasonOf(seconds) {
  const lost = losses.find((one) => seconds >= one.from && seconds < one.to);
  return lost ? `lost: ${lost.reason}` : null;
}

// Marks of the device, as far as it has packed them.
function packedOn(from, to) {
  for (let minute = Math.max(0, Math.floor(from / 60)); minute * 60 < to; minute++) loadMarks(minute);
  const packed = [];
  // a stretch may have begun some minutes before
  for (let minute = Math.floor(from / 60) - 2; minute * 60 < to; minute++) packed.push(...(packs.get(minute) ?? []).filter((one) => one.to >= from && one.from < to));
  return packed;
}

function marksOn(from, to) {
  const packed = packedOn(from, to);
  const fs = course.recording.fs_hz;
  const near = findings.filter((one) => one.to > from && one.from < to)
    .map((one) => ({ task: one.task, kind: one.kind, leads: one.leads, from: one.from, to: Math.max(one.to, one.from + 1 / fs), label: one.label, isEvidence: true, chosen: false }));
  return [...packed, ...near, ...(annotator?.marks(from, to) ?? [])];
}

async function loadMarks(minute) {
  if (packs.has(minute)) return;
  packs.set(minute, []);
  const fs = course.recording.fs_hz;
  try {
    const { marks } = await get(`${PATH}/marks?start=${Math.floor(minute * 60 * fs)}&end=${Math.ceil((minute + 1) * 60 * fs)}`);
    packs.set(minute, marks.flatMap((pack) => pack.starts.map((start, k) => ({
      task: pack.task, kind: pack.kind, leads: pack.leads, from: start / pack.fs_hz, to: (pack.ends[k] ?? start) / pack.fs_hz,
      start: start, end: pack.ends[k] ?? start, fsHz: pack.fs_hz, label: pack.labels[k], isEvidence: false, chosen: false,
    }))).filter((one) => one.from >= minute * 60 && one.from < (minute + 1) * 60));
  } catch {
    packs.delete(minute);
  }
  schedule();
}

// ---- calipers -------------------------------------------------------------------------------------------------------

function measure(lead, from, to) {
  caliper = lead ? { lead, from, to } : null;
  showCaliper();
  schedule();
}

function showCaliper() {
  if (!caliper) return write(byId("caliper"), "");
  const seconds = Math.abs(caliper.to.s - caliper.from.s);
  const parts = [`${Math.round(1000 * seconds)} ms`, `${(60 / seconds).toFixed(0)}/min as one interval`];
  const height = caliper.to.v - caliper.from.v;
  if (!Number.isNaN(height)) parts.push(`${height.toFixed(caliper.lead.unit === "mV" ? 2 : 0)} ${caliper.lead.unit === "uV" ? "\u00b5V" : caliper.lead.unit}`);
  write(byId("caliper"), `Measured on ${leadText(caliper.lead)}: ${parts.join(", ")}`);
}

function putCaliper() {
  if (chosen !== "strip") return;
  const middle = page.shownFrom + page.lengthS / 2;
  measure(page.lead, { s: middle - 0.4, v: NaN }, { s: middle + 0.4, v: NaN });
}

// ---- where ----------------------------------------------------------------------------------------------------------

function goTo(seconds) {
  page.at = Math.max(0, Math.min(seconds, Math.max(0, page.end - (chosen === "strip" ? page.lengthS : 1))));
  schedule();
}

function openStrip(seconds) {
  show("strip");
  goTo(seconds - page.lengthS / 4);
}

function step(by) {
  goTo(page.shownFrom + by * (chosen === "strip" ? 0.5 : 1) * page.lengthS);
}

function jump(by) {
  const here = page.at + page.lengthS * 0.26;
  const list = findings.map((one) => one.from);
  const target = by > 0 ? list.find((one) => one > here + 0.05) : list.findLast((one) => one < here - 0.05);
  if (target !== undefined) goTo(target - page.lengthS / 4);
}

function show(name) {
  chosen = name;
  fill(byId("sheet"), current().root);
  drawViews();
  drawLeads();
  schedule();
}

// ---- what is shown --------------------------------------------------------------------------------------------------

let isDue = false;

function schedule() {
  if (isDue || !page.lead) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

function draw() {
  current().draw(page.at);
  timeline.draw();
  write(byId("where"), whereText());
  byId("earlier").disabled = page.shownFrom <= 0;
  byId("later").disabled = page.shownFrom + page.lengthS >= page.end;
  keepPlace();
  wait();
}

const keepPlace = gathered(async () => {
  const wanted = new URLSearchParams({ at: page.at.toFixed(1), view: chosen, lead: page.lead.name });
  history.replaceState(null, "", `?${wanted}`);
  const [from, to] = [page.shownFrom, page.shownFrom + page.lengthS];
  const here = findings.filter((one) => one.to > from && one.from < to);
  fill(byId("here"), here.length ? here.slice(0, MOST_LISTED).map((one) => findingItem(one.finding, { withDevice: false })) : h("li", { class: "muted" }, "None."),
    here.length > MOST_LISTED ? h("li", { class: "muted" }, `and ${here.length - MOST_LISTED} more`) : null);
}, 250);

function drawViews() {
  fill(byId("views"), Object.entries(views).map(([name, one]) => h("button", { type: "button", "aria-pressed": String(name === chosen), on: { click: () => show(name) } }, one.label)));
}

// On lines there is one lead; a strip has as many as are wanted.
function drawLeads() {
  const isStrip = chosen === "strip";
  const all = course.recording.leads;
  fill(byId("leads"), all.map((lead) => h("button", {
    type: "button", "aria-pressed": String(isStrip ? page.leads.includes(lead) : page.lead === lead), on: { click: () => choose(lead) },
  }, lead.name)));
  byId("leads").hidden = all.length < 2;
}

function choose(lead) {
  if (chosen === "strip") {
    const kept = page.leads.includes(lead) ? page.leads.filter((one) => one !== lead) : [...page.leads, lead];
    page.leads = course.recording.leads.filter((one) => kept.includes(one));
    if (!page.leads.length) page.leads = [lead];
    if (!page.leads.includes(page.lead)) [page.lead] = page.leads;
  } else {
    page.lead = lead;
    if (!page.leads.includes(lead)) page.leads = course.recording.leads.filter((one) => one === lead || page.leads.includes(one));
  }
  drawLeads();
  offerPaper();
  schedule();
}

function offerPaper() {
  paper.offer(page.leads.map((one) => one.unit));
}

// ---- what the clinic has not ----------------------------------------------------------------------------------------

const asked = new Map(); // by minute: {command, state, reason, at}
let timer = null;
let waited = "";

function lacking() {
  const from = page.shownFrom;
  const to = Math.min(from + page.lengthS, page.end);
  if (chosen === "hours" || to <= from) return [];
  const minutes = [];
  for (let minute = Math.floor(from / FETCH_S); minute * FETCH_S < to; minute++) {
    const [a, b] = [Math.max(from, minute * FETCH_S), Math.min(to, (minute + 1) * FETCH_S)];
    if (b - a > 0.05 && page.leads.some((lead) => lacks(lead, a, b))) minutes.push(minute);
  }
  return minutes;
}

// Whether the clinic has said what it has of all that is shown.
function isKnown() {
  const to = Math.min(page.shownFrom + page.lengthS, page.end);
  for (let number = Math.floor(page.shownFrom / HELD_S); number * HELD_S < to; number++) {
    if (!page.leads.every((lead) => page.store.tile(lead.name, "ten", number))) return false;
  }
  return true;
}

function lacks(lead, from, to) {
  const step = 10;
  for (let s = Math.floor(from / step) * step; s < to; s += step) {
    const tile = page.store.tile(lead.name, "ten", Math.floor(s / HELD_S));
    if (!tile) return false; // nobody knows yet
    const k = Math.round((s - tile.start_s) / step);
    const middle = (Math.max(s, from) + Math.min(s + step, to)) / 2;
    if (!tile.held.some(([first, end]) => k >= first && k < end) && !reasonOf(middle)) return true;
  }
  return false;
}

// Asks for what is missing once somebody stays, and looks again until it is there or the device has said that it is not.
function wait() {
  const missing = lacking();
  byId("sheet").dataset.state = missing.length ? "lacking" : isKnown() ? "whole" : "loading";
  say(missing);
  const key = missing.join();
  if (key === waited) return;
  waited = key;
  clearTimeout(timer);
  const wanted = missing.filter((one) => !asked.has(one));
  if (wanted.length) timer = setTimeout(() => ask(wanted), FETCH_AFTER_MS);
}

async function ask(minutes) {
  const from = Math.min(...minutes) * FETCH_S;
  const to = Math.min((Math.max(...minutes) + 1) * FETCH_S, from + MOST_FETCHED_S);
  const entry = { state: "requested", reason: "", at: performance.now() };
  for (const minute of minutes) asked.set(minute, entry);
  try {
    Object.assign(entry, await post(`${PATH}/fetch-waves`, { start_s: from, end_s: to }));
    follow(entry, from, to);
  } catch (error) {
    Object.assign(entry, { state: "failed", reason: error.message });
  }
  schedule();
}

async function follow(entry, from, to) {
  while (performance.now() - entry.at < PATIENT_MS) {
    await new Promise((done) => { setTimeout(done, ASKED_MS); });
    if (["requested", "sent"].includes(entry.state)) Object.assign(entry, await get(`/commands/${entry.id}`).catch(() => ({})));
    page.store.doubt(from, to);
    schedule();
    if (["refused", "expired"].includes(entry.state)) return;
    const mine = lacking().filter((minute) => minute * FETCH_S >= from && minute * FETCH_S < to);
    if (entry.state === "done" && !mine.length) return;
  }
  if (entry.state === "done") entry.state = "over";
  schedule();
}

function say(missing) {
  const entry = missing.map((one) => asked.get(one)).find(Boolean);
  const again = h("button", { type: "button", class: "second", on: { click: () => {
    for (const minute of missing) asked.delete(minute);
    ask(missing);
  } } }, "Ask the device again");
  if (!missing.length) return fill(byId("missing"));
  const said = {
    requested: "The device is being asked for what the clinic does not have.",
    sent: "The device was asked for what the clinic does not have; it has not answered yet.",
    done: "The device is sending what the clinic did not have.",
    over: "What is still hatched has not come: the device may hold no more of it.",
    refused: `The device did not send it: ${entry?.reason}.`,
    expired: "The device did not answer in time: it is away.",
    failed: entry?.reason,
  }[entry?.state] ?? "What is hatched is not at the clinic.";
  const key = `${entry?.state}${said}`;
  if (byId("missing").dataset.key === key && byId("missing").children.length) return;
  byId("missing").dataset.key = key;
  fill(byId("missing"), h("span", {}, said), entry && !["requested"].includes(entry.state) ? again : null);
}

// ---- out ------------------------------------------------------------------------------------------------------------

// The browser takes a file as a link gives it; what speaks against it is asked first, as a link has no place for words.
async function takeOut(event) {
  event.preventDefault();
  const { span, leads, form } = event.target.elements;
  const middle = page.shownFrom + page.lengthS / 2;
  const [from, to] = span.value === "all" ? [0, page.end] : span.value === "shown" ? [page.shownFrom, page.shownFrom + page.lengthS]
    : [middle - Number(span.value) / 2, middle + Number(span.value) / 2];
  const wanted = new URLSearchParams({ form: form.value, start_s: Math.max(0, from).toFixed(3), end_s: Math.min(to, page.end).toFixed(3) });
  if (leads.value === "shown") for (const one of chosen === "strip" ? page.leads : [page.lead]) wanted.append("lead", one.name);
  write(byId("out-error"), "");
  const answer = await fetch(`/api/v1${PATH}/excerpt?${wanted}`).catch(() => null);
  if (!answer?.ok) {
    const said = await answer?.json().catch(() => null);
    return write(byId("out-error"), said ? `${said.detail}${said.try ? `. Try: ${said.try}` : ""}` : "The clinic's service does not answer");
  }
  const link = h("a", { href: URL.createObjectURL(await answer.blob()), download: answer.headers.get("content-disposition")?.match(/filename="([^"]+)"/)?.[1] ?? "excerpt.zip" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

byId("out")?.addEventListener("submit", takeOut);

// ---- from the clinic ------------------------------------------------------------------------------------------------

async function readCourse() {
  const before = course?.recording.end;
  course = await get(PATH);
  const { recording: facts } = course;
  page.started = facts.started_utc ? Date.parse(facts.started_utc) : null;
  losses = course.losses.map((one) => ({ from: one.start / facts.fs_hz, to: (one.start + one.length) / facts.fs_hz, reason: one.reason })).filter((one) => one.to > one.from);
  rates = ratesOf(course);
  page.end = endOf(course);
  write(byId("which"), `recording ${short(facts.id)}, ${facts.subject ? `patient ${facts.subject}` : "no patient assigned"}, ${facts.end === null ? "running" : `${place(facts.end, facts.fs_hz)} long`}`);
  if (before !== undefined) schedule();
}
const loadCourse = gathered(readCourse, 1000);

function ratesOf({ series, recording: facts }) {
  const first = series.flatMap((one) => one.columns.map((column) => ({ one, column }))).find(({ column }) => column.unit === "/min");
  if (!first) return [];
  const points = [];
  for (const one of series.filter((other) => other.task === first.one.task)) {
    const column = one.columns.find((other) => other.quantity === first.column.quantity);
    column?.values.forEach((value, k) => { if (value !== null) points.push({ s: (one.start + (k + 0.5) * one.step) / (one.fs_hz || facts.fs_hz), value }); });
  }
  write(byId("legend"), `Line: ${first.column.name.toLowerCase()}, ${first.column.unit}. Ticks: findings, the taller the more urgent. Bar below: what the clinic has. Hatched: lost.`);
  return points.sort((a, b) => a.s - b.s);
}

// A recording that runs has come as far as what is known of it.
function endOf({ recording: facts, series }) {
  if (facts.end !== null) return facts.end / facts.fs_hz;
  const known = [...series.map((one) => one.end / (one.fs_hz || facts.fs_hz)), ...losses.map((one) => one.to), ...findings.map((one) => one.to), live];
  return Math.max(0, ...known);
}
let live = 0;

async function readFindings() {
  const found = [];
  let before = null;
  do {
    const wanted = new URLSearchParams({ device, recording, limit: "200", ...(before ? { before } : {}) });
    const said = await get(`/findings?${wanted}`);
    found.push(...said.findings);
    before = said.next;
  } while (before && found.length < MOST_FINDINGS);
  findings = found.map((one) => ({
    finding: one, task: one.task, kind: one.kind, leads: one.leads, priority: one.priority, label: one.kind_label ?? one.kind,
    from: one.onset / one.fs_hz, to: Math.max(one.end, one.onset + 1) / one.fs_hz,
  })).sort((a, b) => a.from - b.from);
  if (course) page.end = Math.max(page.end, endOf(course));
  schedule();
}
const loadFindings = gathered(readFindings, 1000);

// How far a recording that runs has come is in the status of its device.
async function look() {
  if (document.hidden || !course || course.recording.end !== null) return;
  const said = await get(`/devices/${encodeURIComponent(device)}`).catch(() => null);
  if (said?.recording !== recording || !said.fs_hz) return;
  const isAtEnd = page.shownFrom + page.lengthS >= page.end - 1;
  live = Math.floor(said.sample / said.fs_hz / 10) * 10;
  page.end = Math.max(page.end, endOf(course));
  page.store.doubt(page.end - 60, page.end + 60);
  if (isAtEnd && chosen === "strip") goTo(page.end);
  schedule();
}

async function start() {
  await Promise.all([readCourse(), readFindings()]);
  const wanted = new URLSearchParams(location.search);
  const all = course.recording.leads;
  page.lead = all.find((one) => one.name === wanted.get("lead")) ?? all.find((one) => one.kind === "ecg") ?? all[0];
  page.leads = all.length <= 3 ? all : all.filter((one) => one.kind === page.lead.kind).slice(0, 12);
  page.end = endOf(course);
  if (views[wanted.get("view")]) chosen = wanted.get("view");
  offerPaper();
  await look();
  if (byId("annotating")) annotator = new Annotator(page);
  show(chosen);
  current().draw(0);
  goTo(wanted.has("at") ? Number(wanted.get("at")) : page.end);
  new ResizeObserver(schedule).observe(byId("sheet"));
}

onEvents(["finding"], (item) => { if (item.recording === recording) loadFindings(); });
onEvents(["loss", "series", "recording.closed"], (item) => { if (item.recording === recording) loadCourse(); });
onEvents(["marks"], (item) => {
  if (item.recording !== recording) return;
  packs = new Map();
  schedule();
});
document.addEventListener("bedside:inks", schedule);
document.addEventListener("bedside:back", () => { loadCourse(); loadFindings(); });
setInterval(look, 3000);

for (const [name, act] of [["earlier", () => step(-1)], ["later", () => step(1)], ["previous", () => jump(-1)], ["next", () => jump(1)], ["newest", () => goTo(page.end)]]) byId(name).addEventListener("click", act);
onKey((event) => {
  if (annotator?.key(event)) return event.preventDefault();
  if (event.shiftKey && caliper && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    measure(caliper.lead, caliper.from, { ...caliper.to, s: caliper.to.s + (event.key === "ArrowRight" ? 0.01 : -0.01) });
    return event.preventDefault();
  }
  const names = Object.keys(views);
  const act = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), PageUp: () => step(-2), PageDown: () => step(2), Home: () => goTo(0), End: () => goTo(page.end),
    n: () => jump(1), p: () => jump(-1), c: putCaliper, Escape: () => measure(null), v: () => show(names[(names.indexOf(chosen) + 1) % names.length]),
  }[event.key];
  if (act) act();
  if (act || paper.key(event.key)) event.preventDefault();
});
start();
