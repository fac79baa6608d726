// One device: live strips, readings, alarms, series, findings, what is analysed, recordings, events.

import { covers, get } from "./api.js";
import { onTick } from "./contact.js";
import { acknowledge, showAlarms } from "./alarm-list.js";
import { ChartClock } from "./chart-clock.js";
import { Charts, chartedMarks } from "./charts.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { UNKNOWN, showEvents } from "./event-log.js";
import { EVERY, gathered, onEvents } from "./feed.js";
import { called } from "./names.js";
import { findingItem } from "./findings-list.js";
import { LiveHoles } from "./live-holes.js";
import { watchDevice } from "./live-socket.js";
import { LeadChoice } from "./lead-choice.js";
import { LiveStrip, animate } from "./live-strip.js";
import { PaperChoice, newView } from "./paper-choice.js";
import { dated, isHere, modelText, readers, readingLines, showRate } from "./readings.js";
import { showSeries } from "./series.js";
import { Timeline } from "./timeline.js";
import { TwelveLive } from "./twelve-live.js";
import { EVENTS, clock, leadText, place, short, stamp, taskLabel, unitText } from "./words.js";

const name = byId("device").dataset.device;
const api = `/devices/${encodeURIComponent(name)}`;
const view = newView();
const timeline = new Timeline();
const paper = new PaperChoice(byId("paper"), view);
const strips = new Map();
const choice = new LeadChoice(name);
const twelve = new TwelveLive(view, timeline, () => {
  choice.offer(strips);
  twelve.arrange();
});
const charts = new Charts(byId("charts"), new ChartClock(), { withLines: false });
const FROZEN_S = 120;
let alarms = [];
let recording = null;
let frozenAt = null;
let thaw = null;

// ---- strips ---------------------------------------------------------------------------------------------------------

const modes = ["sweep", "scroll"].map((mode) => h("button", { type: "button", "aria-pressed": "false", "data-value": mode, on: { click: () => move(mode) } }, mode));
byId("modes").append(...modes);

function move(mode) {
  view.mode = mode;
  for (const one of modes) one.setAttribute("aria-pressed", String(one.dataset.value === mode));
}

function stripOf(lead) {
  const known = strips.get(lead.name);
  if (known) return known;
  const made = new LiveStrip(lead, view, timeline);
  byId("strips").querySelector(".waiting")?.remove();
  strips.set(lead.name, made);
  byId("strips").append(made.root);
  choice.offer(strips);
  twelve.offer(strips);
  offer();
  return made;
}

// A lead of the status may come as a name alone from a device of an older version.
function knowLeads(leads) {
  for (const one of leads ?? []) {
    const lead = typeof one === "string" ? { name: one, unit: "mV", kind: "unknown" } : one;
    const strip = stripOf(lead);
    if (strip.lead.kind !== lead.kind || (!strip.ring && strip.lead.unit !== lead.unit)) strip.know(lead);
  }
  byId("to-eeg").hidden = ![...strips.values()].some((one) => one.lead.kind === "eeg");
  offer();
}

const offer = () => paper.offer([...strips.values()].map((one) => one.lead.unit));

function take(wave) {
  timeline.take(wave);
  twelve.take(wave);
  stripOf({ name: wave.lead, unit: wave.unit, kind: wave.kind ?? "unknown" }).take(wave);
}

watchDevice(name, (message) => {
  if (message.type === "wave") {
    take(message);
    offer();
  } else if (message.type === "status") showStatus(dated(message));
});
new LiveHoles(name, () => [...strips].map(([lead, strip]) => [lead, strip.ring]), take, (lead, from, to) => {
  strips.get(lead).lose(from, to);
  twelve.lose(lead, from, to);
});
animate(timeline, () => (twelve.isOn ? twelve.shown() : choice.shown(strips)), () => frozenAt !== null);
move("sweep");

// A strip that stands still looks like one that goes on: it says so, and goes on by itself.
function freeze(isOn) {
  frozenAt = isOn ? new Date() : null;
  byId("freeze").setAttribute("aria-pressed", String(isOn));
  byId("strips").classList.toggle("is-frozen", isOn);
  write(byId("frozen"), isOn ? `Frozen at ${clock(frozenAt)}. The bed goes on; the strips do so in ${FROZEN_S} s, or by f.` : "");
  clearTimeout(thaw);
  if (isOn) thaw = setTimeout(freeze, 1000 * FROZEN_S, false);
}
byId("freeze").addEventListener("click", () => freeze(frozenAt === null));

// ---- status ---------------------------------------------------------------------------------------------------------

let latest = null; // what was said last, by whichever way it came
let known = null; // the device as the service told of it

function showStatus(status) {
  latest = status;
  knowLeads(status.leads);
  showNow();
}

// What may change with time alone.
function showNow(lost = false) {
  if (!latest) return;
  showRate(byId("rate"), latest);
  const lines = readingLines(latest);
  const key = lines.map((one) => `${one.name} ${one.value}`).join();
  if (byId("readings").dataset.key !== key) {
    byId("readings").dataset.key = key;
    fill(byId("readings"), lines.map((one) => [h("dt", {}, one.name), h("dd", {}, one.value)]));
    byId("readings").hidden = !lines.length;
  }
  if (!known) return;
  const here = isHere(known) && !lost;
  const state = known.revoked ? "revoked" : here ? "online" : lost ? "unknown" : known.said_goodbye ? "stopped" : "offline";
  const shown = byId("device-state").querySelector(".online");
  if (shown) {
    write(shown, state);
    shown.dataset.state = here ? "online" : "offline";
  }
}
onTick(showNow);

const showDevice = gathered(async () => {
  const answer = await get(api);
  const device = dated(answer, answer.asked);
  known = device;
  fill(
    byId("device-state"),
    h("span", { class: "online", "data-state": "offline" }),
    device.last_seen ? h("span", { class: "age", "data-since": device.last_seen }, stamp(device.last_seen)) : "never seen",
  );
  // the line of the live strip may have told of a later one meanwhile
  if (!latest || Date.parse(device.now) >= Date.parse(latest.now)) showStatus(device);
  else showNow();
  const facts = [
    ["Site", device.site],
    ["Outbox", device.outbox === null || device.outbox === undefined ? null : `${device.outbox} events waiting`], ["Texts", device.explainer],
    ["Position", device.fs_hz && device.sample !== null && `${place(device.sample, device.fs_hz)} (sample ${device.sample} at ${device.fs_hz} Hz)`],
    ["Recording", device.recording], ["Software", device.version],
    ["Source", device.source && [device.source, device.source_reason].filter(Boolean).join(": ")],
    ["Parts", (device.loops ?? []).map((one) => `${one.name} ${getsOn(one)}`).join(", ")],
  ];
  fill(byId("facts"), facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value || "unknown")]));
  showAnalysis(device);
  if (device.recording && device.recording !== recording) {
    recording = device.recording;
    charts.clock.begin();
    showCourse();
  }
}, 1000);

function getsOn(part) {
  const ago = `${part.age_s.toFixed(0)} s`;
  return part.stands ? `stands still for ${ago}` : part.is_late ? `is late, last got on ${ago} before` : "goes on";
}

function showAnalysis(device) {
  const focused = byId("analysis").contains(document.activeElement);
  fill(byId("leads"), table([
    ["Lead", (one) => one.text],
    ["Unit", (one) => (one.lead.unit === "raw" ? "not calibrated" : unitText(one.lead.unit))],
    ["Rate", (one) => `${one.lead.fs_hz ?? device.fs_hz} Hz`, { num: true }],
    ["Read by", (one) => one.tasks.join(", ") || h("span", { class: "muted" }, "not analysed")],
  ], readers(device), { empty: "The device has not named its leads." }));
  const tasks = (device.tasks ?? []).filter((one) => one.leads.length || one.reason || one.bundle);
  fill(byId("tasks"), table([
    ["Task", (one) => h("span", { title: one.task }, one.label || taskLabel(one.task))],
    ["Reads", (one) => one.leads.join(", ") || h("span", { class: "muted" }, `nothing${one.reason ? `: ${one.reason}` : ""}`)],
    ["Model", (one) => (one.bundle || one.rung ? modelText(one) : h("span", { class: "muted" }, one.leads.length ? "none: rules" : ""))],
  ], tasks, { empty: "The device has not said what it analyses." }));
  if (focused) byId("analysis").focus();
}

// ---- lists ----------------------------------------------------------------------------------------------------------

const drawAlarms = () => showAlarms(byId("alarms"), alarms, { withDevice: false, changed });

function changed(alarm) {
  alarms = alarms.map((one) => (one.id === alarm.id ? alarm : one));
  drawAlarms();
  showMine();
}

const showMine = gathered(async () => {
  alarms = (await get(`/alarms?device=${encodeURIComponent(name)}`)).alarms;
  drawAlarms();
});

const showFindings = gathered(async () => {
  const { findings } = await get(`/findings?limit=6&device=${encodeURIComponent(name)}`);
  fill(byId("newest"), findings.length ? findings.map((one) => findingItem(one, { withDevice: false })) : h("li", { class: "muted" }, "No finding yet."));
});

const showCourse = gathered(async () => {
  if (!recording) return;
  const path = `${api}/recordings/${encodeURIComponent(recording)}`;
  const [course, marks] = await Promise.all([get(path), chartedMarks(path)]);
  write(byId("course-of"), `recording ${short(recording)}`);
  charts.show(course, marks);
  showSeries(byId("series"), course);
}, 1000);

const showRecordings = gathered(async () => {
  const { recordings } = await get(`/recordings?limit=20&device=${encodeURIComponent(name)}`);
  fill(byId("recordings"), table([
    ["Recording", (one) => h("a", { title: one.id, href: `/devices/${encodeURIComponent(name)}/recordings/${encodeURIComponent(one.id)}` }, short(one.id))],
    ["Source", (one) => one.source],
    ["Leads", (one) => one.leads.map(leadText).join(", ")],
    ["Rate", (one) => `${[...new Set(one.leads.map((lead) => lead.fs_hz ?? one.fs_hz))].join(", ")} Hz`, { num: true }],
    ["Patient", (one) => (one.subject ? h("a", { href: `/patients/${encodeURIComponent(one.subject)}` }, called(one.subject)) : "nobody")],
    ["Received", (one) => stamp(one.received)],
    ["Length", (one) => (one.end === null ? "running" : place(one.end, one.fs_hz)), { num: true }],
    ["Ended", (one) => one.closed_reason ?? ""],
  ], recordings));
}, 1000);

const showReports = gathered(async () => {
  const { reports } = await get(`/model-reports?limit=20&device=${encodeURIComponent(name)}`);
  fill(byId("reports"), table([
    ["Received", (one) => stamp(one.received)],
    ["Task", (one) => taskLabel(one.task)],
    ["Bundle", (one) => one.bundle],
    ["Step", (one) => one.step],
    ["Backend", (one) => one.rung],
    ["Windows missed", (one) => String(one.windows_missed), { num: true }],
    ["Why", (one) => one.reason],
  ], reports, { empty: "The device has not tried another model." }));
}, 1000);

// ---- events ---------------------------------------------------------------------------------------------------------

const kinds = byId("event-kind");
kinds.append(h("option", { value: UNKNOWN }, "not known to this version"), ...EVENTS.map((kind) => h("option", {}, kind)));

const showLog = gathered(async () => {
  if (!byId("events-box").open) return;
  await showEvents(byId("events"), { device: name, choice: kinds.value });
}, 1000);
kinds.addEventListener("change", showLog);
byId("events-box").addEventListener("toggle", showLog);

const mine = (act) => (item) => { if (item.device === name) act(item); };
onEvents(["alarm", "clinic.alarm", "command.answer"], mine(showMine));
onEvents(["finding", "explanation"], mine(showFindings));
onEvents(["series", "loss"], mine(showCourse));
onEvents(["recording.opened", "recording.closed"], mine(showRecordings));
onEvents(["model.report"], mine(showReports));
onEvents([EVERY], mine((item) => { if (["", item.kind].includes(kinds.value) || !EVENTS.includes(item.kind)) showLog(); }));
document.addEventListener("bedside:back", () => [showMine, showFindings, showCourse, showRecordings, showReports].forEach((one) => one()));
setInterval(() => { if (!document.hidden) showDevice(); }, 2000);
for (const show of [showDevice, showMine, showFindings, showRecordings, showReports]) show();
if (!strips.size) byId("strips").append(h("p", { class: "muted waiting" }, "Waiting for the device."));

onKey((event) => {
  const act = {
    f: () => freeze(frozenAt === null),
    m: () => move(view.mode === "sweep" ? "scroll" : "sweep"),
    a: async () => {
      const first = alarms.find((one) => one.state !== "acknowledged");
      if (first && covers("reviewer")) {
        await acknowledge(first).then(changed).catch((error) => document.dispatchEvent(new CustomEvent("bedside:trouble", { detail: error.message })));
      }
    },
  }[event.key];
  if (act) act();
  if (act || paper.key(event.key)) event.preventDefault();
});
