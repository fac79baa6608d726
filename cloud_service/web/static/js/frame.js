// What stands on every page: link state, the highest alarm, announcements, log-out.

import { get, post } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { gathered, onEvents, onLink, openFeed } from "./feed.js";
import { KINDS, RANK, alarmState, kindLabel, priorityMark, tick } from "./words.js";

const bar = byId("alarm-bar");

const refresh = gathered(async () => {
  const { alarms } = await get("/alarms");
  document.dispatchEvent(new CustomEvent("bedside:alarms", { detail: alarms }));
  const loud = alarms.filter((alarm) => alarm.state !== "acknowledged");
  const first = loud[0];
  bar.hidden = !first;
  if (!first) return fill(bar);
  bar.className = `alarm-bar p-${first.priority}-bar${first.state === "active" ? " is-active" : ""}`;
  const more = loud.length > 1 ? h("a", { href: "/alarms" }, `and ${loud.length - 1} more`) : null;
  fill(
    bar,
    priorityMark(first.priority, `${{ high: "High", medium: "Medium", low: "Low" }[first.priority]} priority`),
    h("strong", {}, kindLabel(first.kind)),
    h("a", { href: `/devices/${encodeURIComponent(first.device)}` }, first.device),
    alarmState(first.state),
    more,
  );
});

function say(urgent, text) {
  // A live region speaks only on change; the same words twice need a change too.
  const region = byId(urgent ? "say-now" : "say-next");
  write(region, region.textContent === text ? `${text}.` : text);
}

onEvents(["alarm"], (item) => {
  const { kind, priority, state } = item.body;
  refresh();
  const first = priority === "high" && state === "active";
  say(first, `${priority} priority alarm, ${KINDS[kind]?.label ?? kind}, ${item.device}, ${state.replace("-", " ")}`);
});
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
  if (isBack) document.dispatchEvent(new Event("bedside:back"));
  if (isBack) refresh();
});
byId("log-out").addEventListener("click", async () => {
  await post("/logout").catch(() => {});
  location.assign("/login");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

setInterval(tick, 1000);
openFeed();
refresh();

// What went wrong while something was shown is said once, where the person looks.
let troubleBox = null;
document.addEventListener("bedside:trouble", (event) => {
  troubleBox ??= document.querySelector("main").insertAdjacentElement("afterbegin", h("p", { class: "error", role: "alert" }));
  write(troubleBox, event.detail);
  setTimeout(() => write(troubleBox, ""), 8000);
});
