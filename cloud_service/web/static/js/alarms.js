// Alarms of all devices: what is there, and what is over.

import { get } from "./api.js";
import { pastTable, showAlarms } from "./alarm-list.js";
import { byId, fill, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";

let alarms = [];
let escalated = new Map();

function draw() {
  const now = alarms.filter((one) => one.state !== "resolved").map((one) => ({ ...one, escalated: escalated.get(one.id) }));
  showAlarms(byId("now"), now, { changed, empty: "No alarm on any device." });
  const past = alarms.filter((one) => one.state === "resolved").sort((a, b) => b.received.localeCompare(a.received));
  fill(byId("past"), pastTable(past.slice(0, 100)));
}

function changed(alarm) {
  alarms = alarms.map((one) => (one.id === alarm.id ? alarm : one));
  draw();
  show();
}

const show = gathered(async () => {
  alarms = (await get("/alarms?resolved=true")).alarms;
  draw();
});

for (const button of document.querySelectorAll("[data-sound]")) {
  button.addEventListener("click", () => {
    const answer = (isHeard) => write(byId("sound-said"), isHeard ? `This is ${button.textContent.toLowerCase()}.` : "This browser plays no sound.");
    document.dispatchEvent(new CustomEvent("bedside:test-sound", { detail: { priority: button.dataset.sound, answer } }));
  });
}

const SOUNDERS = {
  works: "Buzzer or light of its own",
  fails: "Its buzzer or light fails",
  none: "Signals nothing at the bed",
  null: "Not known whether it signals at the bed",
};
const NAMED = 8;

const named = (beds) => (beds.length > NAMED ? `${beds.slice(0, NAMED).join(", ")} and ${beds.length - NAMED} more` : beds.join(", "));

// Which beds signal their alarms themselves, as their devices say.
async function showSounders() {
  const devices = (await get("/devices")).devices.filter((one) => !one.revoked);
  const parts = Object.entries(SOUNDERS).map(([state, words]) => [words, devices.filter((one) => String(one.sounder) === state).map((one) => one.name)]);
  write(byId("at-beds"), parts.filter(([, beds]) => beds.length).map(([words, beds]) => `${words}: ${named(beds)}.`).join(" "));
}

function showNotify() {
  byId("notify").hidden = !("Notification" in window) || Notification.permission !== "default";
}

byId("notify").addEventListener("click", async () => {
  await Notification.requestPermission();
  showNotify();
});
showNotify();

document.addEventListener("bedside:escalations", (event) => {
  const before = JSON.stringify([...escalated]);
  escalated = new Map(event.detail.map((one) => [one.alarm, one.said]));
  if (JSON.stringify([...escalated]) !== before) draw();
});
onEvents(["alarm", "clinic.alarm", "command.answer"], show);
document.addEventListener("bedside:back", show);
// a request that nobody answers expires without an event
setInterval(() => { if (!document.hidden) show(); }, 10000);
setInterval(() => { if (!document.hidden) showSounders(); }, 10000);
show();
showSounders();
