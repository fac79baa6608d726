// A finding as a line in a list.

import { h } from "./dom.js";
import { KINDS, kindLabel, place, priorityMark, stamp } from "./words.js";

export function findingItem(finding, { withDevice = true } = {}) {
  const technical = KINDS[finding.kind]?.technical;
  const notes = [
    finding.state,
    finding.alarm_state ? `alarm ${finding.alarm_state.replace("-", " ")}` : null,
    finding.reviewed ? "reviewed" : null,
    finding.stream === "live" ? null : finding.stream,
    technical ? "technical" : null,
  ].filter(Boolean);
  return h(
    "li",
    { class: `finding p-${finding.priority}-edge`, "data-finding": finding.id, "data-rev": String(finding.rev) },
    h("div", { class: "finding-head" },
      priorityMark(finding.priority),
      h("a", { href: `/findings/${encodeURIComponent(finding.id)}` }, kindLabel(finding.kind)),
      withDevice ? h("span", { class: "of" }, finding.device) : null,
      h("time", { datetime: finding.at, title: finding.at }, stamp(finding.at))),
    h("p", { class: "text" }, finding.explanation ?? "No text yet."),
    h("p", { class: "small muted" }, `${notes.join(", ")}; at ${place(finding.onset, finding.fs_hz)} of the recording, ${finding.leads.join(", ")}; text by ${finding.explanation_by ?? "nobody yet"}`),
  );
}

