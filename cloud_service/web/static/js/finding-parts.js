// What a finding says of itself, in parts: its page shows them, and so does a link to it.

import { h } from "./dom.js";
import { measureTable } from "./measures.js";
import { KINDS, capital, kindLabel, markWords, meaningOf, outcomeText, taskLabel } from "./words.js";

export const findingName = (finding) => (KINDS[finding.kind] ? kindLabel(finding.kind) : capital(finding.kind_label ?? finding.kind));

export function textOf(finding) {
  const text = finding.explained;
  if (!text) return [h("p", { class: "muted" }, "No text yet.")];
  const how = text.made_by === "template" ? "Written by a template from the evidence." : `Written by a language model, sha256 ${text.model_sha256 ?? "unknown"}.`;
  const refused = text.refused ? ` ${text.refused} texts of the language model were thrown away before.` : "";
  const old = text.finding_rev < finding.rev ? ` It speaks of revision ${text.finding_rev}.` : "";
  return [h("p", { class: "prose" }, text.text), h("p", { class: "made" }, `How made: ${how} Checked against ${text.checked}.${refused}${old}`)];
}

export function measuresOf({ evidence }) {
  return [measureTable(evidence.measures),
    h("p", { class: "made" }, `Signal quality: ${evidence.quality}. Strip: samples ${evidence.strip_start} to ${evidence.strip_end} at ${evidence.fs_hz} Hz.`)];
}

export function madeOf({ outcome, evidence }) {
  if (outcome?.type !== "Prediction") return [h("p", {}, outcomeText(outcome))];
  const facts = [["Answer", KINDS[outcome.label] ? kindLabel(outcome.label) : [outcome.label, meaningOf(outcome.task, outcome.label)].filter(Boolean).join(", ")], ["Task", taskLabel(outcome.task)], ["Bundle", outcome.bundle], ["Backend", outcome.rung]];
  const first = evidence.sets[0];
  const of = first ? `the first ${markWords(first.task, first.kind).label}` : "the answer";
  return [h("dl", { class: "facts" }, facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])),
    outcome.scores.length ? [h("p", { class: "made" }, `Probabilities of ${of}:`), bars(outcome.task, outcome.scores)]
      : h("p", { class: "made" }, "Rules over measured quantities: there is no probability.")];
}

function bars(task, scores) {
  return h("div", { class: "bars" }, scores.map(([label, p]) => [
    h("span", {}, h("span", { class: "letter" }, label), ` ${meaningOf(task, label)}`),
    h("meter", { min: "0", max: "1", value: String(p), "aria-label": `${label} ${p.toFixed(2)}` }),
    h("span", { class: "num" }, p.toFixed(4)),
  ]));
}

export const noStrip = ({ evidence }) => h("p", { class: "muted" }, evidence.strip_end > evidence.strip_start ? "The strip has not arrived yet." : "This kind of finding has no strip.");
