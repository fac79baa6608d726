// All devices, and what is new.

import { get } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { modelText, modelsOf, readersText, readingLines, showRate } from "./readings.js";
import { KINDS, alarmState, capital, kindLabel, priorityMark, taskLabel } from "./words.js";

const NEWEST = 12;
const MOST_ALARMS = 3;
const cards = new Map();
let alarms = [];

function makeCard(name) {
  const at = {
    link: h("a", { class: "name", href: `/devices/${encodeURIComponent(name)}` }, name),
    site: h("span", { class: "of" }),
    online: h("span", { class: "online" }),
    age: h("span", { class: "age" }),
    rate: h("p", { class: "rate" }),
    readings: h("p", { class: "readings" }),
    alarms: h("ul", { class: "card-alarms" }),
    leads: h("dd"), models: h("dd"), outbox: h("dd"), explainer: h("dd"),
  };
  const pair = (name, value) => [h("dt", {}, name), value];
  at.root = h("li", { class: "card", "data-device": name },
    h("div", { class: "card-head" }, h("h3", {}, at.link), at.site, h("span", { class: "seen" }, at.online, " ", at.age)),
    h("div", { class: "card-body" }, at.rate, at.readings, at.alarms),
    h("dl", { class: "facts tight" }, pair("Leads", at.leads), pair("Models", at.models), pair("Outbox", at.outbox), pair("Texts", at.explainer)));
  return at;
}

function update(at, device) {
  const never = device.last_seen === null;
  write(at.site, device.site);
  write(at.online, device.revoked ? "revoked" : device.online ? "online" : never ? "never seen" : "offline");
  at.online.dataset.state = device.online ? "online" : "offline";
  if (never) delete at.age.dataset.since;
  else at.age.dataset.since = device.last_seen;
  if (never) write(at.age, "");
  at.root.classList.toggle("stale", !device.online);
  showRate(at.rate, device);
  const lines = readingLines(device).map((one) => `${one.name} ${one.value}`);
  write(at.readings, lines.length ? `${device.online ? "" : "last known: "}${lines.join("; ")}` : "");
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
  const mine = held.length ? held : device.alarms ?? [];
  const key = mine.map((one) => `${one.id}${one.state}`).join() + (device.last_seen === null);
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  if (!mine.length) return fill(place, h("li", { class: "muted" }, device.last_seen === null ? "No status yet" : "No alarm"));
  fill(place, mine.slice(0, MOST_ALARMS).map((one) => h("li", { class: "card-alarm" }, priorityMark(one.priority), alarmName(one), alarmState(one.state))),
    mine.length > MOST_ALARMS ? h("li", {}, h("a", { class: "small", href: `/devices/${encodeURIComponent(device.name)}` }, `and ${mine.length - MOST_ALARMS} more`)) : null);
}

function alarmName(alarm) {
  const text = KINDS[alarm.kind] ? kindLabel(alarm.kind) : capital(alarm.label ?? kindLabel(alarm.kind));
  return alarm.finding ? h("a", { href: `/findings/${encodeURIComponent(alarm.finding)}` }, text) : h("strong", {}, text);
}

const showDevices = gathered(async () => {
  try {
    const { devices } = await get("/devices");
    write(byId("devices-error"), "");
    for (const device of devices) {
      if (!cards.has(device.name)) {
        const made = makeCard(device.name);
        cards.set(device.name, made);
        byId("devices").append(made.root);
      }
      update(cards.get(device.name), device);
    }
    const online = devices.filter((one) => one.online).length;
    write(byId("devices-count"), devices.length ? `${online} of ${devices.length} online` : "No device yet: cloud-service device add NAME");
  } catch (error) {
    write(byId("devices-error"), error.message);
    for (const at of cards.values()) at.root.classList.add("stale");
    throw error;
  }
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
onEvents(["alarm", "recording.opened", "model.report"], showDevices);
setInterval(() => { if (!document.hidden) showDevices(); }, 2000);
showDevices();
showNewest();
