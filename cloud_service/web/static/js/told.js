// Alarms that nobody answers and that this person was told of: a bar on every page, above all others.

import { covers, get, me, post } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { clock, kindLabel, priorityMark } from "./words.js";

const MOST = 3;
let mine = [];

// The priorities for which this page sounds, whether or not the alarm itself is silenced somewhere.
export const toldPriorities = () => mine.filter((one) => one.turn !== "still-there").map((one) => one.priority);

export async function refreshTold(isSilent) {
  const { escalations } = await get("/escalations");
  mine = escalations.filter((one) => one.mine);
  document.dispatchEvent(new CustomEvent("bedside:escalations", { detail: escalations }));
  draw(isSilent);
}

export const isForMe = (item) => item.body.name === "" || item.body.name === me.name;

function draw(isSilent) {
  const bar = byId("told-bar");
  const focused = document.activeElement?.dataset?.told;
  bar.hidden = !mine.length;
  bar.dataset.priority = ["high", "medium"].find((one) => mine.some(({ priority }) => priority === one)) ?? "";
  fill(bar, mine.slice(0, MOST).map(line), mine.length > MOST ? h("a", { href: "/alarms" }, `and ${mine.length - MOST} more`) : null,
    mine.length && isSilent ? h("strong", {}, "This page is silent: its sound is off or blocked.") : null);
  if (focused) bar.querySelector(`[data-told="${CSS.escape(focused)}"]`)?.focus();
}

function line(one) {
  const what = one.turn === "still-there" ? `acknowledged at ${clock(one.since)}, and still there` : `not acknowledged since ${clock(one.since)}`;
  return h("p", { "data-alarm": one.alarm, "data-told-as": one.turn },
    priorityMark(one.priority), h("strong", {}, kindLabel(one.kind)),
    one.device ? h("a", { href: `/devices/${encodeURIComponent(one.device)}` }, one.device) : null,
    h("span", {}, `${what}; ${one.said}`),
    covers("reviewer") && one.turn !== "still-there" ? answer(one) : null);
}

function answer(one) {
  return h("button", {
    type: "button", "data-told": one.alarm, "aria-label": `Acknowledge ${kindLabel(one.kind)}${one.device ? `, ${one.device}` : ""}`,
    on: {
      click: async (event) => {
        const button = event.currentTarget;
        button.disabled = true;
        await post(`/alarms/${encodeURIComponent(one.alarm)}/acknowledge`).catch((error) => {
          button.disabled = false;
          document.dispatchEvent(new CustomEvent("bedside:trouble", { detail: error.message }));
        });
      },
    },
  }, "Acknowledge");
}
