// One device: live strip, alarms, heart rate, findings, recordings.

import { covers, get } from "./api.js";
import { acknowledge, showAlarms } from "./alarm-list.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { watchDevice } from "./live-socket.js";
import { LiveStrip, animate } from "./live-strip.js";
import { GAINS, SPEEDS } from "./paper.js";
import { showTrend } from "./trend.js";
import { place, short, stamp } from "./words.js";

const name = byId("device").dataset.device;
const api = `/devices/${encodeURIComponent(name)}`;
const view = { speed: 25, gain: 10, mode: "sweep" };
const strips = new Map();
let alarms = [];
let recording = null;

// ---- strip ----------------------------------------------------------------------------------------------------------

function choice(box, values, key, text) {
  const buttons = values.map((value) =>
    h("button", { type: "button", "aria-pressed": "false", "data-value": String(value), on: { click: () => choose(key, value) } }, text(value)));
  byId(box).append(...buttons);
  return () => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.value === String(view[key])));
  };
}

const marks = [
  choice("speeds", SPEEDS, "speed", (value) => `${value} mm/s`),
  choice("gains", GAINS, "gain", (value) => `${value} mm/mV`),
  choice("modes", ["sweep", "scroll"], "mode", (value) => value),
];

function choose(key, value) {
  view[key] = value;
  for (const mark of marks) mark();
}

function step(key, values, by) {
  choose(key, values[Math.min(values.length - 1, Math.max(0, values.indexOf(view[key]) + by))]);
}

function stripOf(lead) {
  if (!strips.has(lead)) {
    const made = new LiveStrip(lead, view);
    byId("strips").querySelector(".waiting")?.remove();
    strips.set(lead, made);
    byId("strips").append(made.root);
  }
  return strips.get(lead);
}

watchDevice(name, (message) => {
  if (message.type === "wave") stripOf(message.lead).take(message);
  else if (message.type === "status") showStatus(message);
});
animate(() => strips.values());
choose("mode", "sweep");

// ---- status ---------------------------------------------------------------------------------------------------------

function showStatus(status) {
  if (status.lead) stripOf(status.lead);
  fill(byId("rate"), h("span", { class: "big" }, status.bpm === null || status.bpm === undefined ? "--" : String(Math.round(status.bpm))), h("span", { class: "unit" }, "/min"));
}

const showDevice = gathered(async () => {
  const device = await get(api);
  if (device.lead) stripOf(device.lead);
  showStatus(device);
  fill(
    byId("device-state"),
    h("span", { class: "online", "data-state": device.online ? "online" : "offline" }, device.revoked ? "revoked" : device.online ? "online" : "offline"),
    device.last_seen ? h("span", { class: "age", "data-since": device.last_seen }, stamp(device.last_seen)) : "never seen",
  );
  const facts = [
    ["Site", device.site], ["Signal quality", device.quality],
    ["Backend", device.rung && `${device.rung}${device.rung_reason ? `: ${device.rung_reason}` : ""}`],
    ["Bundle", device.bundles && Object.values(device.bundles).join(", ")],
    ["Outbox", device.outbox === null ? null : `${device.outbox} events waiting`], ["Texts", device.explainer],
    ["Lead", device.lead], ["Sampling rate", device.fs_hz && `${device.fs_hz} Hz`],
    ["Position", device.fs_hz && device.sample !== null && `${place(device.sample, device.fs_hz)} (sample ${device.sample})`],
    ["Recording", device.recording], ["Software", device.version],
  ];
  fill(byId("facts"), facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value || "unknown")]));
  if (device.recording && device.recording !== recording) {
    recording = device.recording;
    showCourse();
  }
}, 1000);

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
  const course = await get(`${api}/recordings/${encodeURIComponent(recording)}`);
  write(byId("trend-of"), `recording ${short(recording)}, one point a minute`);
  showTrend(byId("trend"), byId("trend-table"), course);
}, 1000);

const showRecordings = gathered(async () => {
  const { recordings } = await get(`/recordings?limit=20&device=${encodeURIComponent(name)}`);
  fill(byId("recordings"), table([
    ["Recording", (one) => h("span", { title: one.id }, short(one.id))],
    ["Source", (one) => one.source],
    ["Leads", (one) => one.leads.join(", ")],
    ["Rate", (one) => `${one.fs_hz} Hz`, { num: true }],
    ["Subject", (one) => one.subject ?? "not assigned"],
    ["Received", (one) => stamp(one.received)],
    ["Length", (one) => (one.end === null ? "running" : place(one.end, one.fs_hz)), { num: true }],
    ["Ended", (one) => one.closed_reason ?? ""],
  ], recordings));
}, 1000);

const showReports = gathered(async () => {
  const { reports } = await get(`/model-reports?limit=20&device=${encodeURIComponent(name)}`);
  fill(byId("reports"), table([
    ["Received", (one) => stamp(one.received)],
    ["Bundle", (one) => one.bundle],
    ["Step", (one) => one.step],
    ["Backend", (one) => one.rung],
    ["Windows missed", (one) => String(one.windows_missed), { num: true }],
    ["Why", (one) => one.reason],
  ], reports, { empty: "The device has not tried another model." }));
}, 1000);

const mine = (act) => (item) => { if (item.device === name) act(); };
onEvents(["alarm", "command.answer"], mine(showMine));
onEvents(["finding", "explanation"], mine(showFindings));
onEvents(["trend", "loss"], mine(showCourse));
onEvents(["recording.opened", "recording.closed"], mine(showRecordings));
onEvents(["model.report"], mine(showReports));
document.addEventListener("bedside:back", () => [showMine, showFindings, showCourse, showRecordings, showReports].forEach((one) => one()));
setInterval(() => { if (!document.hidden) showDevice(); }, 3000);
for (const show of [showDevice, showMine, showFindings, showRecordings, showReports]) show();
if (!strips.size) byId("strips").append(h("p", { class: "muted waiting" }, "Waiting for the device."));

onKey((event) => {
  const act = {
    "[": () => step("speed", SPEEDS, -1), "]": () => step("speed", SPEEDS, 1),
    "-": () => step("gain", GAINS, -1), "+": () => step("gain", GAINS, 1), "=": () => step("gain", GAINS, 1),
    m: () => choose("mode", view.mode === "sweep" ? "scroll" : "sweep"),
    a: async () => {
      const first = alarms.find((one) => one.state !== "acknowledged");
      if (first && covers("reviewer")) {
        await acknowledge(first).then(changed).catch((error) => document.dispatchEvent(new CustomEvent("bedside:trouble", { detail: error.message })));
      }
    },
  }[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
