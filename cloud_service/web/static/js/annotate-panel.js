// The tools of the annotation: what is marked, its labels with their keys, and what was changed.

import { byId, fill, h, table } from "./dom.js";
import { keysOf, shownKey } from "./review-keys.js";
import { capital, markWords, place, stamp } from "./words.js";

const MOST_LISTED = 20;

// Buttons that are made anew keep the focus of whoever works through them by tab.
function refill(box, buttons) {
  const focused = box.contains(document.activeElement) ? [...box.children].indexOf(document.activeElement) : -1;
  fill(box, buttons);
  box.children[focused]?.focus();
}

export function showKinds(desk) {
  refill(byId("annotate-kinds"), desk.units.map((one) => h("button", { type: "button", "aria-pressed": String(one === desk.unit), on: { click: () => desk.inTurn(() => desk.change(one)) } }, capital(markWords(one.task, one.kind).plural))));
}

export function showLabels(desk) {
  const isDead = !desk.said || !desk.isSeen(desk.said);
  const said = desk.cursor ? null : desk.target?.label;
  refill(byId("annotate-labels"), keysOf(desk.unit?.labels ?? []).map((label) => h("button", {
    type: "button", "data-label": label.name, title: label.meaning, disabled: isDead, "aria-pressed": String(label.name === said),
    "aria-label": [label.name, label.meaning].filter(Boolean).join(", "), "aria-keyshortcuts": [shownKey(label), label.digit].filter(Boolean).join(" "), on: { click: () => desk.inTurn(() => desk.label(label.name)) },
  }, label.name, " ", h("kbd", {}, label.digit ?? shownKey(label)))));
  for (const name of ["confirm", "remove"]) byId(`annotate-${name}`).disabled = isDead || Boolean(desk.cursor);
}

export function showChanges(desk) {
  const undone = new Set(desk.history.map((one) => one.undoes));
  byId("annotate-undo").disabled = !desk.history.some((one) => one.undoes === null && !undone.has(one.row));
  const what = (one) => (one.act === "undo" ? `undid change ${one.undoes}` : `${{ add: "added", change: "changed", remove: "removed" }[one.act]}${undone.has(one.row) ? ", undone" : ""}`);
  fill(byId("changes"), table([
    ["Change", (one) => String(one.row), { num: true }],
    ["When", (one) => stamp(one.at)],
    ["What", what],
    ["Mark", (one) => `${markWords(one.task, one.kind).label} at ${place(one.start, one.fs_hz, 2)}`],
    ["Label", (one) => [one.device_label, one.label].filter(Boolean).join(" \u2192 ")],
    ["Comment", (one) => one.comment],
  ], desk.history.slice(-MOST_LISTED).reverse(), { empty: "Nothing yet." }));
}
