// Words, numbers and marks as they are shown everywhere. What a task, a kind or a label is called comes from the tasks'
// own declarations, which the service writes into every page.

import { clinicTime } from "./contact.js";
import { h } from "./dom.js";

const WORDS = JSON.parse(document.documentElement.dataset.words);
export const KINDS = WORDS.kinds;
export const TASKS = WORDS.tasks;
export const PRESENTERS = WORDS.presenters;
export const QUESTIONS = WORDS.questions; // the kinds of questions that can be asked, as they are offered
export const EVENTS = WORDS.events; // the kinds of events that this version has a place for
export const ALARM_STATES = {
  active: "Active", acknowledged: "Acknowledged", "audio-paused": "Audio paused", latched: "Latched", resolved: "Resolved",
};
const ALARM_MEANING = {
  active: "signalled", acknowledged: "seen, condition still there", "audio-paused": "sound off for a bounded time",
  latched: "condition over, not yet acknowledged", resolved: "",
};
const PRIORITIES = { high: "High", medium: "Medium", low: "Low", none: "No alarm" };
export const RANK = { high: 3, medium: 2, low: 1, none: 0 };

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const spaced = (name) => String(name ?? "").replaceAll(/[-_]/g, " ");

// A kind that another version sent is called by its name.
export const kindLabel = (kind) => capital(KINDS[kind]?.label ?? WORDS.clinic_alarms[kind] ?? spaced(kind));
export const taskLabel = (task) => TASKS[task]?.label ?? capital(spaced(task));

// ---- marks and their labels -----------------------------------------------------------------------------------------

export function markWords(task, kind) {
  return TASKS[task]?.marks[kind] ?? { label: spaced(kind), plural: `${spaced(kind)}s`, unanswered: "?" };
}

export const counted = (task, kind, n) => `${n} ${n === 1 ? markWords(task, kind).label : markWords(task, kind).plural}`;

// What reviewers say of marks of this kind; null where nobody is asked.
export function reviewUnit(task, kind) {
  const unit = TASKS[task]?.review;
  return unit && unit.mark === kind ? unit : null;
}

export function meaningOf(task, label) {
  const meaning = TASKS[task]?.review?.labels.find((one) => one.name === label)?.meaning ?? "";
  return meaning.toLowerCase() === String(label).toLowerCase() ? "" : meaning;
}

export function outcomeText(outcome) {
  if (!outcome) return "not received";
  if (outcome.type === "Prediction") return `${outcome.label} by ${outcome.bundle} on ${outcome.rung}`;
  return `${outcome.type === "Abstained" ? "No answer" : "Unavailable"}: ${outcome.reason}`;
}

// ---- numbers --------------------------------------------------------------------------------------------------------

const quantity = (name) => WORDS.quantities[name];

// `one` is {name or quantity, value, unit?, decimals?, label?}: what came with the number goes before what we know.
export function numberText(one) {
  const decimals = one.decimals ?? quantity(one.name ?? one.quantity)?.decimals ?? 2;
  return one.value.toFixed(decimals);
}

export const unitText = (unit) => (!unit || unit === "1" ? "" : unit.replace(/^u(?=V)/, "\u00b5"));
export const quantityUnit = (one) => one.unit ?? quantity(one.name ?? one.quantity)?.unit ?? "";
export const quantityName = (name, given = "") => capital(given || quantity(name)?.label || spaced(name));

// ---- leads ----------------------------------------------------------------------------------------------------------

// "ECG II", "EEG Fpz-Cz", "pressure ABP": the kind goes before the name unless the name begins with it.
export function leadText(lead) {
  if (typeof lead === "string") return lead;
  const kind = !lead.kind || lead.kind === "unknown" || lead.kind === "other" ? "" : lead.kind.length <= 3 ? lead.kind.toUpperCase() : spaced(lead.kind);
  return !kind || lead.name.toLowerCase().startsWith(kind.toLowerCase()) ? lead.name : `${kind} ${lead.name}`;
}

// ---- alarms ---------------------------------------------------------------------------------------------------------

// Shape, word and colour say the same: no one of them is needed.
export function priorityMark(priority, text = null) {
  const shape = { high: "M8 1 15 14.5H1z", medium: "M8 1 15 8 8 15 1 8z", low: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 1 1 0-11z" }[priority];
  const mark = h("span", { class: `mark p-${priority}` });
  if (shape) mark.append(svg(shape));
  mark.append(text ?? PRIORITIES[priority] ?? priority);
  return mark;
}

function svg(d) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", d);
  made.append(path);
  return made;
}

export function alarmState(state) {
  return h("span", { class: "state" }, ALARM_STATES[state] ?? state, h("small", {}, ` ${ALARM_MEANING[state] ?? ""}`));
}

// ---- times ----------------------------------------------------------------------------------------------------------

export function age(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "never";
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export const clock = (date) => new Date(date).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export function stamp(date) {
  const when = new Date(date);
  const today = new Date().toDateString() === when.toDateString();
  return today ? clock(when) : `${when.toLocaleDateString()} ${clock(when)}`;
}

// Where a sample lies in its recording, as minutes and seconds.
export function place(sample, fsHz, decimals = 0) {
  const unit = 10 ** decimals;
  const seconds = Math.floor((sample / fsHz) * unit) / unit;
  const hours = Math.floor(seconds / 3600);
  const part = (seconds % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const rest = `${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}:${part}`;
  return hours ? `${hours}:${rest}` : rest;
}

export const short = (id) => String(id ?? "").slice(0, 8);

// Ages tick without a new answer from the service: `data-since` is ISO time.
export function tick() {
  for (const one of document.querySelectorAll("[data-since]")) {
    const seconds = (clinicTime() - new Date(one.dataset.since).getTime()) / 1000;
    const text = age(seconds);
    if (one.textContent !== text) one.textContent = text;
  }
}
