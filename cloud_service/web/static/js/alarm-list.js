// Alarms with what may be asked of their devices. A request is shown as one until the device's own event confirms it.

import { covers, post } from "./api.js";
import { fill, h, table } from "./dom.js";
import { alarmState, kindLabel, priorityMark, stamp } from "./words.js";

const ASKED = { acknowledge: "Acknowledge", "pause-audio": "Pause audio" };

export function requestText(alarm) {
  const request = alarm.request;
  if (!request) return "";
  const what = `${ASKED[request.name] ?? request.name} requested by ${request.issuer}`;
  if (request.state === "requested" || request.state === "sent") return `${what}, waiting for the device`;
  if (request.state === "done") return `${what}, done by the device`;
  if (request.state === "expired") return `${what}, no answer from the device`;
  return `${what}: ${request.state}${request.reason ? `, ${request.reason}` : ""}`;
}

const isOpen = (alarm) => ["requested", "sent"].includes(alarm.request?.state);

export async function acknowledge(alarm) {
  return post(`/alarms/${encodeURIComponent(alarm.id)}/acknowledge`);
}

export async function pauseAudio(alarm) {
  return post(`/alarms/${encodeURIComponent(alarm.id)}/pause`, { seconds: 120 });
}

// `changed` is called with the alarm as the service gave it back.
export function showAlarms(place, alarms, { withDevice = true, empty = "No alarm.", changed = () => {} } = {}) {
  const focused = document.activeElement?.dataset?.act;
  if (!alarms.length) fill(place, h("p", { class: "muted" }, empty));
  else fill(place, h("ul", { class: "alarms" }, alarms.map((alarm) => item(alarm, withDevice, changed))));
  if (focused) place.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
}

// One of the clinic's own rests on no finding.
export function condition(alarm) {
  const text = kindLabel(alarm.kind);
  return alarm.finding ? h("a", { href: `/findings/${encodeURIComponent(alarm.finding)}` }, text) : h("span", {}, text);
}

function item(alarm, withDevice, changed) {
  const text = requestText(alarm);
  return h(
    "li",
    { class: `alarm p-${alarm.priority}-edge`, "data-alarm": alarm.id, "data-state": alarm.state, "data-request": alarm.request?.state ?? "" },
    h("div", { class: "alarm-what" },
      priorityMark(alarm.priority),
      condition(alarm),
      alarm.leads?.length ? h("span", { class: "of" }, `lead ${alarm.leads.join(", ")}`) : null,
      withDevice && alarm.device ? h("a", { class: "of", href: `/devices/${encodeURIComponent(alarm.device)}` }, alarm.device) : null),
    h("div", { class: "alarm-state" }, alarmState(alarm.state),
      h("small", { class: "muted" }, `since ${stamp(alarm.device_utc)}, by ${alarm.by}`),
      alarm.why ? h("small", { class: "muted" }, alarm.why) : null,
      alarm.escalated ? h("small", { class: "told" }, `Nobody answered: ${alarm.escalated}`) : null,
      text ? h("small", { class: "request" }, text) : null),
    covers("reviewer") && alarm.state !== "resolved" ? actions(alarm, changed) : null,
  );
}

function actions(alarm, changed) {
  const error = h("small", { class: "error", role: "alert" });
  const button = (name, text, act, off) =>
    h("button", {
      type: "button", class: "second", "data-act": `${name}:${alarm.id}`, disabled: off,
      on: {
        click: async (event) => {
          event.currentTarget.disabled = true;
          error.textContent = "";
          try {
            changed(await act(alarm));
          } catch (trouble) {
            event.target.disabled = false;
            error.textContent = trouble.message;
          }
        },
      },
    }, text);
  const waits = isOpen(alarm);
  return h("div", { class: "alarm-acts" },
    button("acknowledge", waits && alarm.request.name === "acknowledge" ? "Requested" : "Acknowledge", acknowledge,
      alarm.state === "acknowledged" || waits),
    alarm.origin === "clinic" ? null : button("pause", "Pause audio 2 min", pauseAudio, alarm.state !== "active" || waits),
    error);
}

export function pastTable(alarms) {
  return table(
    [
      ["Priority", (alarm) => priorityMark(alarm.priority)],
      ["Condition", condition],
      ["Device", (alarm) => alarm.device ?? "the clinic"],
      ["State", (alarm) => alarmState(alarm.state)],
      ["Since", (alarm) => stamp(alarm.device_utc)],
      ["Until", (alarm) => (alarm.ended ? stamp(alarm.ended) : "")],
      ["By", (alarm) => alarm.by],
      ["Last request", (alarm) => requestText(alarm)],
    ],
    alarms,
    { empty: "No alarm has been resolved yet." },
  );
}
