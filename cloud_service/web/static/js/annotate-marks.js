// The marks of a recording as one reader left them: those of the device, corrected, with what was added.

import { TASKS } from "./words.js";

export const NEAR_S = 0.1; // so far beside a mark valid signal still shows it, as the service has it

// What can be marked on these leads: the units of every task that reads one of their kinds.
export function unitsFor(leads) {
  const reads = (task, lead) => !task.reads.length || task.reads.includes(lead.kind) || (lead.kind === "unknown" && task.reads_unknown);
  return Object.entries(TASKS).flatMap(([name, task]) => (leads.some((lead) => reads(task, lead)) ? task.units.map((unit) => ({ ...unit, task: name, kind: unit.mark })) : []));
}

// A mark of the device keeps its name whatever a reader does to it.
const keyOf = (task, kind, leads, origin) => [task, kind, leads.join(), origin].join("|");

export function ofReader(said) {
  return {
    task: said.task, kind: said.kind, leads: said.leads, fsHz: said.fs_hz, start: said.start, end: said.end, from: said.start / said.fs_hz, to: said.end / said.fs_hz,
    key: said.origin === null ? said.item : keyOf(said.task, said.kind, said.leads, said.origin),
    item: said.item, origin: said.origin, label: said.label, deviceLabel: said.device_label, isMine: true,
  };
}

export function ofDevice(mark) {
  return { ...mark, key: keyOf(mark.task, mark.kind, mark.leads, mark.start), item: null, origin: mark.start, deviceLabel: mark.label, isMine: false };
}

// What is there to be gone through, in order: what the reader left, and what he or she has not touched.
export function thingsOf(unit, mine, packed) {
  const touched = new Set(mine.map((one) => one.key));
  const isMeant = (one) => one.task === unit.task && one.kind === unit.kind;
  const untouched = packed.filter(isMeant).map(ofDevice).filter((one) => !touched.has(one.key));
  return [...mine.filter(isMeant), ...untouched].sort((a, b) => a.from - b.from || a.to - b.to);
}

// How a mark of a reader is drawn: one that was removed is crossed out where the device had it.
export function drawn(one, by, chosen = false) {
  const label = one.label ?? (one.isMine ? `\u2715 ${one.deviceLabel ?? ""}`.trim() : "?");
  return { task: one.task, kind: one.kind, leads: one.leads, from: one.from, to: one.to, label, by, chosen, isEvidence: true };
}

// Where a new mark lies: a moment, a stretch as it was drawn, or the one of fixed length that it falls into.
export function placed(unit, from, to) {
  if (unit.span_s === null) return { from, to: from };
  if (unit.span_s === 0) return { from: Math.min(from, to), to: Math.max(from, to) };
  const first = Math.floor(from / unit.span_s + 1e-6) * unit.span_s;
  return { from: first, to: first + unit.span_s };
}
