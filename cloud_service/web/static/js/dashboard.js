// All devices, and what is new.

import { get } from "./api.js";
import { onTick } from "./contact.js";
import { byId, fill, h, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { called } from "./names.js";
import { dated, isHere, modelText, modelsOf, readersText, readingLines, showRate } from "./readings.js";
import { KINDS, alarmState, capital, kindLabel, priorityMark, taskLabel } from "./words.js";

const NEWEST = 12;
const MOST_ALARMS = 3;
const cards = new Map();
let alarms = [];

function makeCard(name) {
  const at = {
    link: h("a", { class: "name", href: `/devices/${encodeURIComponent(name)}` }, name),
    site: h("span", { class: "of" }),
    patient: h("a", { class: "patient" }),
    online: h("span", { class: "online" }),
    age: h("span", { class: "age" }),
    rate: h("p", { class: "rate" }),
    readings: h("p", { class: "readings" }),
    alarms: h("ul", { class: "card-alarms" }),
    leads: h("dd"), models: h("dd"), outbox: h("dd"), explainer: h("dd"),
  };
  const pair = (name, value) => [h("dt", {}, name), value];
  at.root = h("li", { class: "card", "data-device": name },
    h("div", { class: "card-head" }, h("h2", {}, at.link), at.patient, at.site, h("span", { class: "seen" }, at.online, " ", at.age)),
    h("div", { class: "card-body" }, at.rate, at.readings, at.alarms),
    h("dl", { class: "facts tight" }, pair("Leads", at.leads), pair("Models", at.models), pair("Outbox", at.outbox), pair("Texts", at.explainer)));
  return at;
}

// What may change with time alone: whether the device is there, and its numbers.
function showNow(at, lost = false) {
  const device = at.device;
  if (!device) return;
  const here = isHere(device) && !lost;
  const state = device.revoked ? "revoked" : here ? "online" : device.last_seen === null ? "never seen" : lost ? "unknown" : device.said_goodbye ? "stopped" : "offline";
  write(at.online, state);
  at.online.dataset.state = here ? "online" : "offline";
  at.root.classList.toggle("stale", !here);
  showRate(at.rate, device);
  write(at.readings, readingLines(device).map((one) => `${one.name} ${one.value}`).join("; "));
}

function update(at, device) {
  at.device = device;
  const never = device.last_seen === null;
  write(at.site, device.site);
  write(at.patient, called(device.subject));
  if (device.subject) at.patient.href = `/patients/${encodeURIComponent(device.subject)}`;
  if (never) delete at.age.dataset.since;
  else at.age.dataset.since = device.last_seen;
  if (never) write(at.age, "");
  showNow(at);
  showMine(at.alarms, device);
  write(at.leads, readersText(device) || "unknown");
  showModels(at.models, device);
  write(at.outbox, device.outbox === null || device.outbox === undefined ? "unknown" : device.outbox === 0 ? "empty" : `${device.outbox} waiting`);
  write(at.explainer, device.explainer ?? "unknown");
}

function showModels(place, device) {
  const models = modelsOf(device);
  const texts = models.map((one) => `${models.length > 1 ? `${one.label || taskLabel(one.task)}: ` : ""}${modelText(one)}`);
  const text = texts.join("\n");
  if (place.dataset.key === text) return;
  place.dataset.key = text;
  fill(place, texts.length ? texts.map((one) => h("div", {}, one)) : device.tasks?.length ? "none" : "unknown");
}

// The alarms as the clinic holds them; before their events have come, those of the status.
function showMine(place, device) {
  const held = alarms.filter((alarm) => alarm.device === device.name);
  const mine = held.some((alarm) => alarm.origin === "device") ? held : [...held, ...(device.alarms ?? [])];
  const key = mine.map((one) => `${one.id}${one.state}`).join() + (device.last_seen === null);
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  if (!mine.length) return fill(place, h("li", { class: "muted" }, device.last_seen === null ? "No status yet" : "No alarm"));
  fill(place, mine.slice(0, MOST_ALARMS).map((one) => h("li", { class: "card-alarm" }, priorityMark(one.priority), alarmName(one), alarmState(one.state))),
    mine.length > MOST_ALARMS ? h("li", {}, h("a", { class: "small", href: `/devices/${encodeURIComponent(device.name)}` }, `and ${mine.length - MOST_ALARMS} more`)) : null);
}

function alarmName(alarm) {
  const text = KINDS[alarm.kind] || alarm.origin === "clinic" ? kindLabel(alarm.kind) : capital(alarm.label ?? kindLabel(alarm.kind));
  return alarm.finding ? h("a", { href: `/findings/${encodeURIComponent(alarm.finding)}` }, text) : h("strong", {}, text);
}

const showDevices = gathered(async () => {
  try {
    const { devices, asked } = await get("/devices");
    write(byId("devices-error"), "");
    for (const device of devices) {
      if (!cards.has(device.name)) {
        const made = makeCard(device.name);
        cards.set(device.name, made);
        byId("devices").append(made.root);
      }
      update(cards.get(device.name), dated(device, asked));
    }
    const online = devices.filter((one) => one.online).length;
    write(byId("devices-count"), devices.length ? `${online} of ${devices.length} online` : "No device yet: cloud-service device add NAME");
  } catch (error) {
    write(byId("devices-error"), error.message);
    throw error;
  }
}, 500);
onTick((lost) => {
  for (const at of cards.values()) showNow(at, lost);
});

const showNewest = gathered(async () => {
  const { findings } = await get(`/findings?limit=${NEWEST}`);
  const list = byId("newest");
  const focused = document.activeElement?.closest?.("[data-finding]")?.dataset.finding;
  const known = new Set([...list.querySelectorAll("[data-finding]")].map((one) => one.dataset.finding));
  const isFirst = !known.size;
  fill(list, findings.length ? findings.map((one) => {
    const item = findingItem(one);
    if (!isFirst && !known.has(one.id)) item.classList.add("is-new");
    return item;
  }) : h("li", { class: "muted" }, "No finding yet."));
  if (focused) list.querySelector(`[data-finding="${CSS.escape(focused)}"] a`)?.focus();
});

document.addEventListener("bedside:alarms", (event) => {
  alarms = event.detail;
  showDevices();
});
document.addEventListener("bedside:back", showNewest);
onEvents(["finding", "explanation"], showNewest);
onEvents(["alarm", "recording.opened", "model.report", "status"], () => { if (!document.hidden) showDevices(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) showDevices(); });
setInterval(() => { if (!document.hidden) showDevices(); }, 2000);
showDevices();
showNewest();
