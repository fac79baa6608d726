// Every bed as a tile: its rate to be read from across a room, one live wave, its worst alarm. No engineer's facts.

import { get } from "./api.js";
import { onTick } from "./contact.js";
import { byId, fill, h, onKey, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { LiveHoles } from "./live-holes.js";
import { watchDevice } from "./live-socket.js";
import { LiveStrip } from "./live-strip.js";
import { called } from "./names.js";
import { newView } from "./paper-choice.js";
import { paperOf, speedsFor } from "./papers.js";
import { dated, isHere, showRate } from "./readings.js";
import { Timeline } from "./timeline.js";
import { RANK, alarmState, kindLabel, priorityMark } from "./words.js";

const ORDER = "bedside-central-order";
const FEW = 8; // so many tiles are drawn as often as a strip, more of them less often
const FRAME_MS = { few: 40, many: 100 };
const group = new URLSearchParams(location.search).get("group") ?? ""; // in the address, so that a wall of a ward stays one
const beds = new Map();
let alarms = [];

class Bed {
  constructor(name) {
    this.name = name;
    this.device = null; // as the service told of it: whether it is there
    this.latest = null; // what it said last, by whichever way that came
    this.view = newView();
    this.timeline = new Timeline();
    this.strip = null;
    this.rate = h("p", { class: "rate" });
    this.alarm = h("p", { class: "bed-alarm" });
    this.state = h("span", { class: "online" });
    this.patient = h("span", { class: "patient" });
    this.wave = h("div", { class: "bed-wave" }, h("p", { class: "muted" }, "Waiting for the device"));
    this.root = h("li", { class: "bed", "data-device": name },
      h("div", { class: "bed-head" }, h("a", { class: "name", href: `/devices/${encodeURIComponent(name)}` }, name), this.patient, this.state),
      this.wave, this.rate, this.alarm);
    watchDevice(name, (message) => this.hear(message));
    new LiveHoles(name, () => (this.strip ? [[this.strip.lead.name, this.strip.ring]] : []), (wave) => this.hear({ type: "wave", ...wave }), (_lead, from, to) => this.strip.lose(from, to));
  }

  hear(message) {
    if (message.type === "status") this.say(dated(message));
    else if (message.type === "wave") {
      this.choose({ name: message.lead, unit: message.unit, kind: message.kind ?? "unknown" });
      if (this.strip.lead.name !== message.lead) return;
      this.timeline.take(message);
      this.strip.take(message);
    }
  }

  // The first lead that sends is shown; an ECG that comes later takes its place.
  choose(lead) {
    if (this.strip && (this.strip.lead.kind === "ecg" || lead.kind !== "ecg" || this.strip.lead.name === lead.name)) return;
    this.timeline = new Timeline();
    this.view.speed = speedsFor([lead.unit]).speed;
    this.view.gains[lead.unit] = paperOf(lead.unit).gain;
    this.strip = new LiveStrip(lead, this.view, this.timeline);
    fill(this.wave, this.strip.root);
  }

  know(device) {
    this.device = device;
    // the line of the live wave may have told of a later status meanwhile
    if (!this.latest || Date.parse(device.now) >= Date.parse(this.latest.now)) this.latest = device;
    this.show();
  }

  say(status) {
    this.latest = status;
    this.show();
  }

  // What may change with time alone.
  show(lost = false) {
    const { device } = this;
    if (!device) return;
    const here = isHere(device) && !lost;
    const state = here ? "online" : device.last_seen === null ? "never seen" : lost ? "unknown" : device.said_goodbye ? "stopped" : "offline";
    write(this.state, state);
    write(this.patient, called(device.subject));
    this.state.dataset.state = here ? "online" : "offline";
    this.root.classList.toggle("stale", !here);
    showRate(this.rate, this.latest);
    this.showAlarm();
  }

  get worst() {
    return alarms.find((one) => one.device === this.name) ?? null;
  }

  showAlarm() {
    const { worst } = this;
    const more = alarms.filter((one) => one.device === this.name).length - 1;
    const key = worst ? `${worst.id}${worst.state}${more}` : "";
    if (this.alarm.dataset.key === key) return;
    this.alarm.dataset.key = key;
    this.root.dataset.priority = worst && worst.state !== "acknowledged" ? worst.priority : "";
    this.root.classList.toggle("is-active", worst?.state === "active");
    fill(this.alarm, worst ? [priorityMark(worst.priority), h("strong", {}, kindLabel(worst.kind)), alarmState(worst.state), more > 0 ? h("span", { class: "muted" }, `and ${more} more`) : null] : null);
  }

  draw(dtS) {
    if (!this.strip) return;
    this.timeline.advance(dtS);
    this.strip.draw();
  }
}

// ---- order ----------------------------------------------------------------------------------------------------------

const isWorstFirst = () => localStorage.getItem(ORDER) !== "fixed";

// Alarms come the most urgent first, so the place of a bed's first one is how urgent the bed is.
function urgency(bed) {
  const at = alarms.findIndex((one) => one.device === bed.name && one.state !== "acknowledged");
  return at < 0 ? alarms.length + (bed.root.classList.contains("stale") ? 1 : 0) : at;
}

function arrange() {
  const list = byId("beds");
  const wanted = [...beds.values()].sort((a, b) => (isWorstFirst() ? urgency(a) - urgency(b) : 0) || a.name.localeCompare(b.name, undefined, { numeric: true }));
  // moving a tile takes the focus from it: only what stands elsewhere is moved
  wanted.forEach((bed, place) => {
    if (list.children[place] !== bed.root) list.insertBefore(bed.root, list.children[place] ?? null);
  });
  byId("order").setAttribute("aria-pressed", String(isWorstFirst()));
}

byId("order").addEventListener("click", () => {
  localStorage.setItem(ORDER, isWorstFirst() ? "fixed" : "worst");
  arrange();
});

// ---- wall -----------------------------------------------------------------------------------------------------------

let awake = null;

async function wall(isOn) {
  if (isOn && !document.fullscreenElement) await document.documentElement.requestFullscreen?.().catch(() => {});
  if (!isOn && document.fullscreenElement) await document.exitFullscreen().catch(() => {});
  document.documentElement.classList.toggle("wall", isOn);
  await stayAwake();
}

// A screen that goes dark shows no alarm. The browser ends the lock whenever the page is hidden.
async function stayAwake() {
  const isWall = document.documentElement.classList.contains("wall");
  if (isWall && !document.hidden) awake = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  else await awake?.release().catch(() => {});
}

const toggleWall = () => wall(!document.documentElement.classList.contains("wall"));
byId("wall").addEventListener("click", toggleWall);
onKey((event) => {
  if (event.key === "w") toggleWall();
});
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement) wall(false);
});
document.addEventListener("visibilitychange", stayAwake);

// ---- groups ---------------------------------------------------------------------------------------------------------

// A group that has no bed any more stays on offer while it is shown.
function offerGroups(names) {
  const offered = group && !names.includes(group) ? [...names, group] : names;
  byId("group-of").hidden = !offered.length;
  const key = offered.join("\n");
  if (byId("group").dataset.key === key) return;
  byId("group").dataset.key = key;
  byId("group").replaceChildren(h("option", { value: "" }, "all beds"), ...offered.map((one) => h("option", {}, one)));
  byId("group").value = group;
}

// Beds of other groups are not asked for at all, so another choice is another page.
byId("group").addEventListener("change", () => location.assign(byId("group").value ? `?${new URLSearchParams({ group: byId("group").value })}` : location.pathname));

// ---- beds -----------------------------------------------------------------------------------------------------------

const showBeds = gathered(async () => {
  try {
    const { devices, asked } = await get("/devices");
    write(byId("beds-error"), "");
    const known = devices.filter((one) => !one.revoked);
    offerGroups([...new Set(known.map((one) => one.group).filter(Boolean))].sort());
    const shown = group ? known.filter((one) => one.group === group) : known;
    if (group && [...beds.keys()].some((name) => !shown.some((one) => one.name === name))) location.reload(); // a bed has left it
    for (const device of shown) {
      if (!beds.has(device.name)) beds.set(device.name, new Bed(device.name));
      beds.get(device.name).know(dated(device, asked));
    }
    if (!shown.length) write(byId("beds-count"), group ? `No bed is in ${group}` : "No bed yet");
    byId("beds").dataset.count = shown.length > 16 ? "many" : shown.length > 4 ? "some" : "few";
    arrange();
  } catch (error) {
    write(byId("beds-error"), error.message);
    throw error;
  }
}, 500);

document.addEventListener("bedside:alarms", (event) => {
  alarms = event.detail.filter((one) => one.device && RANK[one.priority]);
  for (const bed of beds.values()) bed.showAlarm();
  arrange();
});
onTick((lost) => {
  for (const bed of beds.values()) bed.show(lost);
  const heard = [...beds.values()].filter((bed) => !bed.root.classList.contains("stale")).length;
  if (beds.size) write(byId("beds-count"), `${heard} of ${beds.size} beds ${group ? `of ${group} ` : ""}are heard`);
});
onEvents(["alarm", "recording.opened", "status"], showBeds);
document.addEventListener("bedside:back", showBeds);
setInterval(() => { if (!document.hidden) showBeds(); }, 3000);

let before = performance.now();
function frame(now) {
  requestAnimationFrame(frame);
  if (now - before < (beds.size > FEW ? FRAME_MS.many : FRAME_MS.few)) return;
  const dtS = Math.min(0.5, (now - before) / 1000);
  before = now;
  for (const bed of beds.values()) bed.draw(dtS);
}
requestAnimationFrame(frame);
showBeds();
