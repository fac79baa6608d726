// Marks of a stretch, ready to be drawn: those a finding rests on, and all others that the device packed by the minute.

import { get } from "./api.js";
import { markWords } from "./words.js";

export const markKey = (mark) => `${mark.task}|${mark.kind}|${mark.start}`;

// A mark that a classifier did not answer is called as its kind says.
export const labelOf = (mark) => mark.outcome?.label ?? markWords(mark.task, mark.kind).unanswered;

export function drawable(mark, fsHz, { label = labelOf(mark), chosen = false } = {}) {
  const end = mark.end ?? mark.start;
  return { task: mark.task, kind: mark.kind, leads: mark.leads, from: mark.start / fsHz, to: end / fsHz, label, chosen, isEvidence: true };
}

// Marks of the stretch that the finding does not rest on; none where the device has not sent them yet.
export async function fetchContext(finding) {
  const { evidence, device, recording } = finding;
  if (evidence.strip_end <= evidence.strip_start) return [];
  const known = new Set(evidence.marks.map((one) => `${one.task}|${one.kind}|${one.start / evidence.fs_hz}`));
  const path = `/devices/${encodeURIComponent(device)}/recordings/${encodeURIComponent(recording)}/marks`;
  const { marks } = await get(`${path}?start=${evidence.strip_start}&end=${evidence.strip_end}`);
  return marks.flatMap(unpacked).filter((one) => !known.has(`${one.task}|${one.kind}|${one.from}`));
}

function unpacked(pack) {
  return pack.starts.map((start, k) => ({
    task: pack.task, kind: pack.kind, leads: pack.leads, from: start / pack.fs_hz, to: (pack.ends[k] ?? start) / pack.fs_hz,
    label: pack.labels[k], chosen: false, isEvidence: false,
  }));
}

// "12 of 17 beats are kept with the finding; 5 more were counted."
export function keptText(sets) {
  return sets.filter((one) => one.total > one.kept).map((one) => {
    const { plural } = markWords(one.task, one.kind);
    const more = one.total - one.kept;
    return `${one.kept} of ${one.total} ${plural} are kept with the finding; ${more} more ${more === 1 ? "was" : "were"} counted.`;
  }).join(" ");
}
