// All devices, and what is new.

import { get } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { KINDS, alarmState, capital, kindLabel, priorityMark } from "./words.js";

const NEWEST = 12;
const cards = new Map();
let alarms = [];

function makeCard(name) {
  const at = {
    link: h("a", { class: "name", href: `/devices/${encodeURIComponent(name)}` }, name),
    site: h("span", { class: "of" }),
    online: h("span", { class: "online" }),
    age: h("span", { class: "age" }),
    rate: h("span", { class: "big" }),
    quality: h("span", {}),
    alarm: h("div", { class: "card-alarm" }),
    rung: h("dd"), bundle: h("dd"), outbox: h("dd"), explainer: h("dd"),
  };
  const pair = (name, value) => [h("dt", {}, name), value];
  at.root = h("li", { class: "card", "data-device": name },
    h("div", { class: "card-head" }, h("h3", {}, at.link), at.site, h("span", { class: "seen" }, at.online, " ", at.age)),
    h("div", { class: "card-body" },
      h("p", { class: "rate" }, at.rate, h("span", { class: "unit" }, "/min"), h("span", { class: "unseen" }, " heart rate"), at.quality),
      at.alarm),
    h("dl", { class: "facts tight" }, pair("Backend", at.rung), pair("Bundle", at.bundle), pair("Outbox", at.outbox), pair("Texts", at.explainer)));
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
  write(at.rate, device.bpm === null ? "--" : Math.round(device.bpm));
  write(at.quality, device.quality ? `${device.online ? "" : "last known, "}signal ${device.quality}` : "");
  showAlarm(at.alarm, device);
  write(at.rung, device.rung ? `${device.rung}${device.rung_reason ? `: ${device.rung_reason}` : ""}` : "unknown");
  write(at.bundle, device.bundles === null ? "unknown" : Object.values(device.bundles).join(", ") || "none");
  write(at.outbox, device.outbox === null ? "unknown" : device.outbox === 0 ? "empty" : `${device.outbox} waiting`);
  write(at.explainer, device.explainer ?? "unknown");
}

function showAlarm(place, device) {
  const mine = alarms.filter((alarm) => alarm.device === device.name);
  const first = mine[0];
  const key = first ? `${first.id}${first.rev}${mine.length}` : device.alarm ?? "";
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  if (first) {
    fill(place, priorityMark(first.priority), h("a", { href: `/findings/${encodeURIComponent(first.finding)}` }, kindLabel(first.kind)),
      alarmState(first.state), mine.length > 1 ? h("a", { class: "small", href: "/alarms" }, `and ${mine.length - 1} more`) : null);
  } else if (device.alarm && device.alarm !== "none") {
    fill(place, priorityMark(device.alarm), KINDS[device.alarm_kind] ? kindLabel(device.alarm_kind) : capital(device.alarm_kind ?? ""));
  } else fill(place, h("span", { class: "muted" }, device.alarm === null ? "No status yet" : "No alarm"));
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
