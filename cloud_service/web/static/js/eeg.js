// The EEG of one device: waves in the montages of the field, live or stored, and what was measured over time below them.

import { get } from "./api.js";
import { ChartClock } from "./chart-clock.js";
import { Charts, chartedMarks } from "./charts.js";
import { byId, fill, h, onKey, write } from "./dom.js";
import { EegChoices } from "./eeg-choices.js";
import { EegPage } from "./eeg-page.js";
import { gathered, onEvents } from "./feed.js";
import { LiveHoles } from "./live-holes.js";
import { watchDevice } from "./live-socket.js";
import { capital, place, short } from "./words.js";

const name = byId("eeg").dataset.device;
const api = `/devices/${encodeURIComponent(name)}`;
const AHEAD_S = 120; // marks are asked for so far around what is shown
const LIVE = "live";
const HOUR_S = 3600;

let recording = null;
let findings = [];
let tracks = [];
let asked = null; // the stretch that `tracks` covers
let arrangedFor = "";

const choices = new EegChoices(byId("choices"), (what) => {
  if (what !== "page") page.arrange(choices.montage);
  page.sheet.renew();
});
const page = new EegPage(byId("sheet"), choices, drawn, (from, to) => {
  clock.turnTo(from, to);
  if (page.live.end !== null) clock.reach(page.live.end);
  followCursor();
  needMarks(from, to);
});
const clock = new ChartClock();
const charts = new Charts(byId("charts"), clock, { seek });

// ---- waves ----------------------------------------------------------------------------------------------------------

watchDevice(name, (message) => {
  if (message.type === "wave") {
    const isNew = page.live.know({ name: message.lead, unit: message.unit, ...(page.live.leads.has(message.lead) ? {} : { kind: "unknown" }) });
    page.take(message);
    if (message.recording !== recording) begin(message.recording);
    if (isNew) arrange();
  } else if (message.type === "status") learn(message);
});

new LiveHoles(name, () => page.live.rings, (wave) => page.take(wave), (lead, from, to) => page.live.lose(lead, from, to));

function learn(status) {
  let isNew = false;
  for (const one of status.leads ?? []) {
    const lead = typeof one === "string" ? { name: one, unit: "uV", kind: "unknown" } : one;
    isNew = page.live.know({ ...lead, fs_hz: lead.fs_hz ?? status.fs_hz }) || isNew;
  }
  if (status.recording && status.recording !== recording) begin(status.recording);
  if (isNew) arrange();
}

// Asks which montages the leads allow, once for each set of leads.
async function arrange() {
  const leads = page.signals.together().map((one) => one.name);
  const key = leads.join("|");
  byId("no-eeg").hidden = leads.length > 0 || !page.live.leads.size;
  if (!leads.length) return page.arrange(null);
  if (arrangedFor !== key) {
    arrangedFor = key;
    const { views } = await get(`/eeg-views?${leads.map((one) => `lead=${encodeURIComponent(one)}`).join("&")}`).catch((error) => {
      arrangedFor = "";
      document.dispatchEvent(new CustomEvent("bedside:trouble", { detail: error.message }));
      return { views: [] };
    });
    if (arrangedFor !== key) return;
    choices.offer(views);
  }
  page.arrange(choices.montage);
}

// ---- what lies over the waves -----------------------------------------------------------------------------------

function drawn() {
  const fromFindings = findings.filter((one) => one.state !== "withdrawn").map((one) => ({
    task: one.task, kind: one.kind, leads: one.leads, label: one.kind_label, isEvidence: true, chosen: true,
    from: one.onset / one.fs_hz, to: Math.max(one.end, one.onset + 1) / one.fs_hz,
  }));
  return [...tracks.flatMap(marksOf), ...fromFindings];
}

function marksOf(track) {
  return track.starts.map((start, k) => ({
    task: track.task, kind: track.kind, leads: track.leads, label: track.labels[k], isEvidence: false, chosen: false,
    from: start / track.fs_hz, to: track.ends[k] / track.fs_hz,
  }));
}

function needMarks(from, to) {
  if (asked && from >= asked[0] && to <= asked[1]) return;
  asked = [Math.max(0, from - AHEAD_S), to + AHEAD_S];
  showMarks();
}

const showMarks = gathered(async () => {
  if (!recording || !asked) return;
  const fsHz = (await courseNow()).recording.fs_hz;
  const [start, end] = asked.map((one) => Math.floor(one * fsHz));
  tracks = (await get(`${api}/recordings/${encodeURIComponent(recording)}/marks?start=${start}&end=${end}`)).marks;
}, 1000);

const showFindings = gathered(async () => {
  if (!recording) return;
  const mine = recording;
  const answer = await get(`/findings?limit=200&device=${encodeURIComponent(name)}&recording=${encodeURIComponent(mine)}`);
  if (mine !== recording) return;
  findings = answer.findings;
  offerStored();
}, 1000);

// ---- stored strips --------------------------------------------------------------------------------------------------

const stored = byId("stored");

function offerStored() {
  const chosen = stored.value || LIVE;
  fill(stored, h("option", { value: LIVE }, "Live"), findings.map((one) => h("option", { value: one.id }, titleOf(one))));
  stored.value = findings.some((one) => one.id === chosen) ? chosen : LIVE;
}

const titleOf = (finding) => `${capital(finding.kind_label)} at ${place(finding.onset, finding.fs_hz)}`;

async function open(id) {
  byId("finding-link").hidden = id === LIVE;
  if (id === LIVE) {
    page.follow();
    return arrange();
  }
  byId("finding-link").setAttribute("href", `/findings/${encodeURIComponent(id)}`);
  const finding = await get(`/findings/${encodeURIComponent(id)}`);
  if (!finding.strips.length) {
    write(byId("said"), "No strip of this finding has arrived.");
    stored.value = LIVE;
    return open(LIVE);
  }
  write(byId("said"), "");
  page.store(finding.strips, [...page.live.leads.values()], titleOf(finding), finding.onset / finding.fs_hz);
  await arrange();
}

stored.addEventListener("change", () => open(stored.value).catch(told));
const told = (error) => document.dispatchEvent(new CustomEvent("bedside:trouble", { detail: error.message }));

// A second of the recording was asked for: a stored strip that holds it, else the page of the live waves.
function seek(seconds) {
  const holds = findings.find((one) => seconds >= one.onset / one.fs_hz && seconds <= one.end / one.fs_hz);
  const limits = page.live.traces.length ? page.limits : null;
  if (!page.stored && limits && seconds >= limits[0] && seconds < limits[1]) page.held = Math.floor(seconds / page.pageS) * page.pageS;
  else if (holds) {
    stored.value = holds.id;
    open(holds.id).catch(told);
  } else write(byId("said"), `The clinic holds no waves of ${place(seconds, 1)}: only those of findings are stored here.`);
}

// ---- over time ------------------------------------------------------------------------------------------------------

let course = null;

async function courseNow() {
  if (course?.recording.id !== recording) course = await get(`${api}/recordings/${encodeURIComponent(recording)}`);
  return course;
}

const showCourse = gathered(async () => {
  if (!recording) return;
  const mine = recording;
  const path = `${api}/recordings/${encodeURIComponent(mine)}`;
  const [told, marks] = await Promise.all([get(path), chartedMarks(path)]);
  if (mine !== recording) return;
  course = told;
  charts.show(told, marks);
}, 3000);

function begin(next) {
  recording = next;
  Object.assign(page, { held: null });
  [findings, tracks, asked, course] = [[], [], null, null];
  if (page.stored) open(LIVE).catch(told);
  clock.begin();
  write(byId("recording"), `recording ${short(next)}`);
  showCourse();
  showFindings();
}

// ---- cursor ---------------------------------------------------------------------------------------------------------

const cursor = byId("cursor");
cursor.addEventListener("input", () => clock.point(Number(cursor.value)));
cursor.addEventListener("change", () => seek(Number(cursor.value)));
byId("charts").addEventListener("pointerleave", () => clock.point(null));
byId("span").addEventListener("change", () => clock.last(byId("span").value ? Number(byId("span").value) * HOUR_S : null));

function followCursor() {
  if (Number(cursor.max) !== Math.floor(clock.to)) cursor.max = String(Math.floor(clock.to));
  if (Number(cursor.min) !== Math.floor(clock.from)) cursor.min = String(Math.floor(clock.from));
  const at = clock.cursor ?? page.from;
  if (document.activeElement !== cursor) cursor.value = String(Math.round(at));
  cursor.setAttribute("aria-valuetext", `${place(at, 1)} of the recording`);
}

// ---- keys and events ------------------------------------------------------------------------------------------------

onKey((event) => {
  if (event.target === cursor) return;
  const act = {
    " ": () => page.hold(),
    ArrowLeft: () => page.turn(-1),
    ArrowRight: () => page.turn(1),
    Escape: () => { stored.value = LIVE; open(LIVE).catch(told); },
  }[event.key];
  if (event.key === " " && event.target.closest("button, a, summary")) return;
  if (act) act();
  if (act || choices.key(event.key)) event.preventDefault();
});
byId("hold").addEventListener("click", () => page.hold());
byId("back").addEventListener("click", () => page.turn(-1));
byId("on").addEventListener("click", () => page.turn(1));

const mine = (act) => (item) => { if (item.device === name) act(item); };
onEvents(["finding"], mine(showFindings));
onEvents(["series", "loss"], mine(showCourse));
onEvents(["marks"], mine(() => { showMarks(); showCourse(); }));
document.addEventListener("bedside:back", () => { showFindings(); showCourse(); });
get(api).then(learn).catch(told);
offerStored();
