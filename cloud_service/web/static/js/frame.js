// What stands on every page: link state, the highest alarm, announcements, log-out.

import { get, post } from "./api.js";
import { AlarmSound, wanted } from "./alarm-sound.js";
import { lastHeard, onTick } from "./contact.js";
import { byId, fill, h, write } from "./dom.js";
import { gathered, onEvents, onLink, openFeed } from "./feed.js";
import { isForMe, refreshTold, toldPriorities } from "./told.js";
import { RANK, alarmState, clock, kindLabel, priorityMark, tick } from "./words.js";

const bar = byId("alarm-bar");
const MARKED = /^\u25b2 [^\u00b7]+\u00b7 /; // what an alarm puts in front of the title of a page

let alarms = [];
let isLost = false;

const refresh = gathered(async () => {
  ({ alarms } = await get("/alarms"));
  document.dispatchEvent(new CustomEvent("bedside:alarms", { detail: alarms }));
  drawBar();
});

const refreshEscalations = gathered(async () => {
  await refreshTold(sound.state !== "on");
  signal();
});

const sound = new AlarmSound((state) => {
  const button = byId("sound");
  write(button, { on: "Sound on", off: "Sound off", blocked: "Sound blocked", asking: "Sound" }[state]);
  button.dataset.state = state;
  button.setAttribute("aria-pressed", String(state === "on"));
  showBlocked();
});

sound.report();

function showBlocked() {
  byId("sound-bar").hidden = !(sound.state === "blocked" && sound.priority);
}

// What an alarm asks for besides the bar: its sound, a mark before the title, another icon of the tab.
function signal() {
  const priority = wanted(alarms, isLost, toldPriorities());
  sound.set(priority);
  showBlocked();
  const first = alarms.find((one) => one.state === "active") ?? alarms[0];
  const named = first ? `${kindLabel(first.kind)}${first.device ? `, ${first.device}` : ""}` : "nobody answers";
  const words = isLost ? "no contact" : named;
  const plain = document.title.replace(MARKED, "");
  const title = priority ? `\u25b2 ${priority} alarm: ${words} \u00b7 ${plain}` : plain;
  if (document.title !== title) document.title = title;
  const icon = `/static/icon${priority ? `-${priority}` : ""}.svg`;
  if (byId("icon").getAttribute("href") !== icon) byId("icon").setAttribute("href", icon);
}

// Outside the window, where somebody allowed it: once an alarm, when it begins to be signalled.
function notify(item) {
  if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
  const { kind, priority } = item.body;
  new Notification(`${priority} priority alarm: ${kindLabel(kind)}`, { body: item.device || "the clinic", tag: item.id });
}

// Who was told of an alarm that nobody answers is notified whatever window they look at.
function notifyTold(item) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const { kind, priority } = item.body;
  new Notification(`Nobody answers: ${priority} priority alarm, ${kindLabel(kind)}`, { body: item.device || "the clinic", tag: `told-${item.id}` });
}

function drawBar() {
  signal();
  if (isLost) return drawLost();
  const loud = alarms.filter((alarm) => alarm.state !== "acknowledged");
  const first = loud[0];
  bar.hidden = !first;
  bar.dataset.kind = first?.kind ?? "";
  if (!first) return fill(bar);
  bar.className = `alarm-bar p-${first.priority}-bar${first.state === "active" ? " is-active" : ""}`;
  const more = loud.length > 1 ? h("a", { href: "/alarms" }, `and ${loud.length - 1} more`) : null;
  fill(
    bar,
    priorityMark(first.priority, `${{ high: "High", medium: "Medium", low: "Low" }[first.priority]} priority`),
    h("strong", {}, kindLabel(first.kind)),
    first.device ? h("a", { href: `/devices/${encodeURIComponent(first.device)}` }, first.device) : null,
    alarmState(first.state),
    more,
  );
}

// The alarm of the page itself: nobody else can raise it.
function drawLost() {
  bar.hidden = false;
  bar.className = "alarm-bar p-high-bar is-active";
  bar.dataset.kind = "no-contact";
  fill(bar, priorityMark("high", "High priority"), h("strong", {}, `No contact with the clinic since ${clock(lastHeard())}`),
    h("span", {}, "This page goes on trying. What it shows is as it was then; alarms since are not on it."));
}

function say(urgent, text) {
  // A live region speaks only on change; the same words twice need a change too.
  const region = byId(urgent ? "say-now" : "say-next");
  write(region, region.textContent === text ? `${text}.` : text);
}

onEvents(["alarm", "clinic.alarm"], (item) => {
  const { kind, priority, state } = item.body;
  refresh();
  if (state === "active") notify(item);
  const first = priority === "high" && state === "active";
  say(first, `${priority} priority alarm, ${kindLabel(kind)}, ${item.device || "the clinic"}, ${state.replace("-", " ")}`);
});
onEvents(["clinic.escalation"], (item) => {
  refreshEscalations();
  if (!isForMe(item)) return;
  notifyTold(item);
  say(true, `nobody answers: ${item.body.priority} priority alarm, ${kindLabel(item.body.kind)}, ${item.device || "the clinic"}`);
});
onEvents(["alarm", "clinic.alarm"], refreshEscalations);
onEvents(["finding"], (item) => {
  const { kind, state, stream, priority } = item.body;
  // what alarms is announced as an alarm
  if (state === "opened" && stream === "live" && !RANK[priority]) say(false, `New finding: ${kindLabel(kind)}, ${item.device}`);
});
onEvents(["command.answer"], refresh);
onLink((state, isBack) => {
  const shown = byId("link-state");
  write(shown, state);
  shown.dataset.state = state === "live" ? "live" : "down";
  if (isLost) return;
  if (isBack) document.dispatchEvent(new Event("bedside:back"));
  if (isBack) refresh();
  if (isBack) refreshEscalations();
});
byId("sound").addEventListener("click", () => sound.turn(sound.state !== "on"));
byId("allow-sound").addEventListener("click", () => sound.turn(true));
document.addEventListener("bedside:test-sound", async (event) => event.detail.answer(await sound.test(event.detail.priority)));
byId("log-out").addEventListener("click", async () => {
  await post("/logout").catch(() => {});
  location.assign("/login");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

onTick((lost) => {
  if (lost === isLost) return;
  isLost = lost;
  drawBar();
  if (lost) say(true, "high priority alarm, no contact with the clinic");
  else document.dispatchEvent(new Event("bedside:back"));
  if (!lost) refresh();
});
setInterval(() => { if (!document.hidden) refresh(); }, 5000);
setInterval(refreshEscalations, 5000); // a page in the background sounds, too
setInterval(() => {
  tick();
  signal(); // a page may have named itself anew
}, 1000);
openFeed();
refresh();
refreshEscalations();

// What went wrong while something was shown is said once, where the person looks.
let troubleBox = null;
document.addEventListener("bedside:trouble", (event) => {
  troubleBox ??= document.querySelector("main").insertAdjacentElement("afterbegin", h("p", { class: "error", role: "alert" }));
  write(troubleBox, event.detail);
  setTimeout(() => write(troubleBox, ""), 8000);
});
