// One finding with all it rests on.

import { get } from "./api.js";
import { showAlarms } from "./alarm-list.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { makeStrips } from "./finding-strip.js";
import { CLASSES, KINDS, kindLabel, measureName, measureText, outcomeText, place, priorityMark, short, stamp } from "./words.js";

const id = byId("finding").dataset.finding;
let finding = null;
let strips = [];
let stripKey = "";

const labelOf = (beat) => beat.outcome?.label ?? "Q";

function marks() {
  const said = new Map(finding.reviews.map((one) => [one.sample, one.label]));
  return finding.evidence.beats.map((beat) => ({ sample: beat.sample, letter: said.get(beat.sample) ?? labelOf(beat) }));
}

const show = gathered(async () => {
  finding = await get(`/findings/${encodeURIComponent(id)}`);
  document.title = `${kindLabel(finding.kind)}, ${finding.device} - Bedside`;
  write(byId("kind"), kindLabel(finding.kind));
  fill(byId("chips"), priorityMark(finding.priority), h("a", { href: `/devices/${encodeURIComponent(finding.device)}` }, finding.device),
    h("span", { class: "muted" }, KINDS[finding.kind]?.technical ? "technical, " : "", finding.state));
  write(byId("when"), `${place(finding.onset, finding.fs_hz)} to ${place(finding.end, finding.fs_hz)} of recording ${short(finding.recording)}, leads ${finding.leads.join(", ")}. The device wrote this ${stamp(finding.at)}; it reached the clinic ${stamp(finding.received)}. Revision ${finding.rev}${finding.stream === "live" ? "" : `, stream ${finding.stream}`}.`);
  showStrips();
  showText();
  showMeasures();
  showMade();
  if (finding.alarm) showAlarm(finding.alarm);
  else fill(byId("alarm"), h("p", { class: "muted" }, finding.priority === "none" ? "This kind of finding informs; it raises no alarm." : "No alarm was raised."));
  showBeats();
  if (!byId("older").href) findNeighbours();
});

function showAlarm(alarm) {
  const changed = (asked) => {
    showAlarm(asked);
    show();
  };
  showAlarms(byId("alarm"), [alarm], { withDevice: false, changed });
}

function showStrips() {
  const key = finding.strips.map((one) => `${one.lead}${one.start}`).join();
  if (key !== stripKey || !stripKey) {
    stripKey = key;
    strips = finding.strips.length ? makeStrips(finding.strips, marks) : [];
    fill(byId("strips"), strips.length ? strips.map((one) => one.root) : h("p", { class: "muted" }, finding.evidence.strip_end > finding.evidence.strip_start ? "The strip has not arrived yet." : "A technical finding has no strip."));
  }
  for (const one of strips) one.draw();
  const outside = finding.evidence.beats.filter((beat) => strips.length && !strips.some((one) => one.holds(beat.sample))).length;
  if (outside && !byId("outside")) byId("strips").append(h("p", { id: "outside", class: "small muted" }, `${outside} more beats of this finding lie outside the strip.`));
}

function showText() {
  const text = finding.explained;
  if (!text) return fill(byId("text"), h("p", { class: "muted" }, "No text yet."));
  const how = text.made_by === "template" ? "Written by a template from the evidence." : `Written by a language model, sha256 ${text.model_sha256 ?? "unknown"}.`;
  const refused = text.refused ? ` ${text.refused} texts of the language model were thrown away before.` : "";
  const old = text.finding_rev < finding.rev ? ` It speaks of revision ${text.finding_rev}.` : "";
  fill(byId("text"), h("p", { class: "prose" }, text.text), h("p", { class: "made" }, `How made: ${how} Checked against ${text.checked}.${refused}${old}`));
}

function showMeasures() {
  fill(byId("measures"), table([
    ["Measure", (one) => measureName(one.name)],
    ["Value", (one) => measureText(one), { num: true }],
    ["Unit", (one) => (one.unit === "1" ? "" : one.unit)],
  ], finding.evidence.measures, { empty: "Nothing was measured." }), h("p", { class: "made" }, `Signal quality: ${finding.evidence.quality}. Strip: samples ${finding.evidence.strip_start} to ${finding.evidence.strip_end} at ${finding.evidence.fs_hz} Hz.`));
}

function bars(scores) {
  return h("div", { class: "bars" }, scores.map(([label, p]) => [
    h("span", {}, h("span", { class: "letter" }, label), ` ${CLASSES[label] ?? ""}`),
    h("meter", { min: "0", max: "1", value: String(p), "aria-label": `${label} ${p.toFixed(2)}` }),
    h("span", { class: "num" }, p.toFixed(4)),
  ]));
}

function showMade() {
  const { outcome } = finding;
  if (outcome.type !== "Prediction") return fill(byId("made"), h("p", {}, outcomeText(outcome)));
  const facts = [["Answer", outcome.label], ["Bundle", outcome.bundle], ["Backend", outcome.rung], ["Task", outcome.task]];
  fill(byId("made"), h("dl", { class: "facts" }, facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])),
    outcome.scores.length ? [h("p", { class: "made" }, "Probabilities of the first beat:"), bars(outcome.scores)]
      : h("p", { class: "made" }, "Rules over measured intervals: there is no probability."));
}

function showBeats() {
  const reviews = new Map();
  for (const one of finding.reviews) reviews.set(one.sample, [...(reviews.get(one.sample) ?? []), one]);
  fill(byId("beats"), table([
    ["At", (beat) => place(beat.sample, finding.fs_hz, 2), { num: true }],
    ["Sample", (beat) => String(beat.sample), { num: true }],
    ["Device", (beat) => h("span", {}, h("span", { class: "letter" }, labelOf(beat)), beat.outcome?.type === "Prediction" ? "" : ` ${outcomeText(beat.outcome)}`)],
    ["Probability", (beat) => {
      const p = beat.outcome?.scores?.find(([label]) => label === beat.outcome.label);
      return p ? p[1].toFixed(2) : "";
    }, { num: true }],
    ["Reviews", (beat) => (reviews.get(beat.sample) ?? []).map((one) => h("div", {}, h("span", { class: "letter" }, one.label ?? ""), ` ${one.verdict} by ${one.reviewer}, ${stamp(one.at)}${one.model_seen ? ", after the device's answer" : ", read blind"}`))],
  ], finding.evidence.beats, { empty: "This finding rests on no beats." }));
}

// The list goes by arrival, so neighbours are found by walking it.
async function findNeighbours() {
  let before = null;
  let previous = null;
  for (let pages = 0; pages < 10; pages++) {
    const page = await get(`/findings?limit=200${before ? `&before=${encodeURIComponent(before)}` : ""}`);
    const list = page.findings;
    const at = list.findIndex((one) => one.id === id);
    if (at >= 0) {
      link("newer", list[at - 1]?.id ?? previous);
      let older = list[at + 1]?.id ?? null;
      if (!older && page.next) older = (await get(`/findings?limit=1&before=${encodeURIComponent(page.next)}`)).findings[0]?.id;
      return link("older", older);
    }
    previous = list.at(-1)?.id;
    before = page.next;
    if (!before) return;
  }
}

function link(which, target) {
  if (!target) return;
  byId(which).href = `/findings/${encodeURIComponent(target)}`;
  byId(which).removeAttribute("aria-disabled");
}

onEvents(["finding"], (item) => { if (item.id === id) show(); });
onEvents(["explanation", "strip", "alarm"], (item) => { if (item.body.finding === id) show(); });
onEvents(["command.answer"], () => { if (finding?.alarm) show(); });
show();

onKey((event) => {
  const target = { n: "older", p: "newer" }[event.key];
  if (target && byId(target).href) location.assign(byId(target).href);
});
