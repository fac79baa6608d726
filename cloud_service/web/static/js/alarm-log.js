// Every alarm there was, by filter, and how many a bed has a day. The filter stands in the address.

import { get } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { verdictText } from "./verdict.js";
import { KINDS, kindLabel, priorityMark, stamp } from "./words.js";

const form = byId("filters");
const DAY_MS = 86400000;
const VERDICTS = ["true", "false", "artefact", "other", "disputed", "unread"];
const PRIORITIES = ["high", "medium", "low"];

function query() {
  const wanted = new URLSearchParams();
  for (const name of ["device", "kind", "priority"]) if (form.elements[name].value) wanted.set(name, form.elements[name].value);
  wanted.set("since", new Date(Date.now() - Number(form.elements.days.value) * DAY_MS).toISOString());
  return wanted;
}

const length = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);

function logTable(alarms) {
  return table([
    ["Begun", (one) => stamp(one.onset)],
    ["Bed", (one) => h("a", { href: `/devices/${encodeURIComponent(one.device)}` }, one.device)],
    ["Priority", (one) => priorityMark(one.priority)],
    ["Alarm", (one) => (one.finding ? h("a", { href: `/findings/${encodeURIComponent(one.finding)}` }, one.label) : one.label)],
    ["Leads", (one) => one.leads.join(", ")],
    ["Lasted", (one) => (one.duration_s === null ? "is there" : length(one.duration_s)), { num: true }],
    ["Acknowledged", (one) => (one.acknowledged ? `by ${one.acknowledged_by}, ${length((Date.parse(one.acknowledged) - Date.parse(one.onset)) / 1000)} later` : "by nobody")],
    ["Told", (one) => (one.escalated ? `${one.escalated} ${one.escalated === 1 ? "time" : "times"}` : "")],
    ["Verdict", (one) => (one.verdict ? verdictText(one.verdict) : "none yet")],
  ], alarms, { empty: "No alarm like this.", label: "Alarms" });
}

const whom = (one) => (one.person ? `${one.person}, ${one.pages ? "on a page" : "on no page"}` : one.pages ? `everybody, ${one.pages} on a page` : "nobody is on a page");
const WHY = { person: "in their turn", all: "all were told", reminder: "reminder", "still-there": "acknowledged, still there" };

function toldTable(steps) {
  return table([
    ["Told at", (one) => stamp(one.at)],
    ["Bed", (one) => (one.device ? h("a", { href: `/devices/${encodeURIComponent(one.device)}` }, one.device) : "the clinic")],
    ["Priority", (one) => priorityMark(one.priority)],
    ["Alarm", (one) => one.label],
    ["Waited", (one) => length((Date.parse(one.at) - Date.parse(one.since)) / 1000), { num: true }],
    ["Whom", whom],
    ["Why", (one) => WHY[one.turn]],
  ], steps, { empty: "Nobody had to be told.", label: "Told because nobody answered" });
}

function burdenTable(days) {
  const count = (counts, name) => String(counts[name] ?? 0);
  return table([
    ["Day", (one) => one.day],
    ["Bed", (one) => one.device],
    ["Alarms", (one) => String(one.total), { num: true }],
    ...PRIORITIES.map((name) => [name, (one) => count(one.by_priority, name), { num: true }]),
    ...VERDICTS.map((name) => [name === "unread" ? "not judged" : verdictText(name), (one) => count(one.by_verdict, name), { num: true }]),
  ], days, { empty: "No alarm in these days.", label: "Alarms by bed and day" });
}

const show = gathered(async () => {
  const wanted = query();
  const kept = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", `?${kept}`);
  byId("table").href = `/api/v1/alarm-log.csv?${wanted}`;
  const burden = new URLSearchParams({ days: form.elements.days.value });
  if (form.elements.device.value) burden.set("device", form.elements.device.value);
  const told = new URLSearchParams({ since: wanted.get("since"), ...(wanted.has("device") ? { device: wanted.get("device") } : {}) });
  const [log, counted, { steps }] = await Promise.all([get(`/alarm-log?${wanted}&limit=200`), get(`/alarm-burden?${burden}`), get(`/escalation-log?${told}`)]);
  write(byId("count"), `${log.alarms.length} ${log.alarms.length === 1 ? "alarm" : "alarms"}${log.left_off ? ", the newest; the table has up to a thousand" : ""}`);
  fill(byId("log"), logTable(log.alarms));
  fill(byId("told"), toldTable(steps));
  fill(byId("burden"), counted.left_off ? h("p", {}, "There were so many alarms that the oldest ones are not counted.") : null, burdenTable(counted.days));
});

async function start() {
  const { devices } = await get("/devices");
  form.elements.device.append(...devices.map((one) => h("option", {}, one.name)));
  form.elements.kind.append(...Object.keys(KINDS).map((kind) => h("option", { value: kind }, kindLabel(kind))));
  for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value;
  await show();
}

form.addEventListener("change", show);
form.addEventListener("submit", (event) => event.preventDefault());
onEvents(["alarm", "clinic.escalation"], show);
start();
