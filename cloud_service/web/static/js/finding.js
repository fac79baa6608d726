// One finding with all it rests on.

import { get } from "./api.js";
import { showAlarms } from "./alarm-list.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { makeStrips } from "./finding-strip.js";
import { drawable, fetchContext, keptText, labelOf, markKey } from "./marks.js";
import { PaperChoice, newView } from "./paper-choice.js";
import { KINDS, capital, kindLabel, markWords, meaningOf, outcomeText, place, priorityMark, reviewUnit, short, stamp, taskLabel } from "./words.js";
import { measureTable } from "./measures.js";
import { AskDesk } from "./ask-desk.js";
import { FeedbackDesk } from "./feedback-desk.js";
import { VerdictDesk } from "./verdict.js";

const id = byId("finding").dataset.finding;
const view = newView();
const paper = new PaperChoice(byId("paper"), view, () => strips.forEach((one) => one.draw()));
const onText = new FeedbackDesk({ text: "", finding: id });
byId("text-feedback").append(onText.root);
const verdict = new VerdictDesk(byId("verdict"), id);
let finding = null;
let strips = [];
let stripKey = "";
let context = [];
let contextKey = "";

function marks() {
  const said = new Map(finding.reviews.map((one) => [markKey(one), one.label]));
  const kept = finding.evidence.marks.map((mark) => drawable(mark, finding.evidence.fs_hz, { label: said.get(markKey(mark)) ?? labelOf(mark) }));
  return [...context, ...kept];
}

const show = gathered(async () => {
  finding = await get(`/findings/${encodeURIComponent(id)}`);
  const name = KINDS[finding.kind] ? kindLabel(finding.kind) : capital(finding.kind_label ?? finding.kind);
  document.title = `${name}, ${finding.device} - Bedside`;
  write(byId("kind"), name);
  fill(byId("chips"), priorityMark(finding.priority), h("a", { href: `/devices/${encodeURIComponent(finding.device)}` }, finding.device),
    h("span", { class: "muted" }, KINDS[finding.kind]?.technical ? "technical, " : "", finding.state));
  write(byId("when"), `${place(finding.onset, finding.fs_hz)} to ${place(finding.end, finding.fs_hz)} of recording ${short(finding.recording)}, ${finding.leads.length === 1 ? "lead" : "leads"} ${finding.leads.join(", ") || "none"}. The device wrote this ${stamp(finding.at)}; it reached the clinic ${stamp(finding.received)}. Revision ${finding.rev}${finding.stream === "live" ? "" : `, stream ${finding.stream}`}.`);
  byId("around").href = `/devices/${encodeURIComponent(finding.device)}/recordings/${encodeURIComponent(finding.recording)}?${new URLSearchParams({ at: Math.max(0, finding.onset / finding.fs_hz - 3).toFixed(1), view: "strip", ...(finding.leads.length ? { lead: finding.leads[0] } : {}) })}`;
  showStrips();
  showText();
  showMeasures();
  showMade();
  if (finding.alarm) showAlarm(finding.alarm);
  else fill(byId("alarm"), h("p", { class: "muted" }, finding.priority === "none" ? "This kind of finding informs; it raises no alarm." : "No alarm was raised."));
  showMarks();
  showReviewLink();
  fetchMarks();
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
    paper.offer(finding.strips.map((one) => one.unit));
    strips = finding.strips.length ? makeStrips(finding.strips, view, marks) : [];
    fill(byId("strips"), strips.length ? strips.map((one) => one.root) : h("p", { class: "muted" }, finding.evidence.strip_end > finding.evidence.strip_start ? "The strip has not arrived yet." : "This kind of finding has no strip."));
  }
  byId("paper").hidden = !strips.length;
  for (const one of strips) one.draw();
  const outside = finding.evidence.marks.filter((mark) => strips.length && !strips.some((one) => one.overlaps(drawable(mark, finding.evidence.fs_hz)))).length;
  write(byId("kept"), [keptText(finding.evidence.sets), outside ? `${outside} of the ${finding.evidence.marks.length} kept ${outside === 1 ? "lies" : "lie"} outside the strip.` : ""].join(" ").trim());
}

// Packs arrive by the minute, after the finding: they are asked for again with each of its revisions.
async function fetchMarks() {
  const key = `${finding.rev}${stripKey}`;
  if (key === contextKey || !finding.strips.length) return;
  contextKey = key;
  context = await fetchContext(finding);
  for (const one of strips) one.draw();
}

function showText() {
  const text = finding.explained;
  byId("text-feedback").hidden = !text;
  if (!text) return fill(byId("text"), h("p", { class: "muted" }, "No text yet."));
  onText.text = text.text;
  const how = text.made_by === "template" ? "Written by a template from the evidence." : `Written by a language model, sha256 ${text.model_sha256 ?? "unknown"}.`;
  const refused = text.refused ? ` ${text.refused} texts of the language model were thrown away before.` : "";
  const old = text.finding_rev < finding.rev ? ` It speaks of revision ${text.finding_rev}.` : "";
  fill(byId("text"), h("p", { class: "prose" }, text.text), h("p", { class: "made" }, `How made: ${how} Checked against ${text.checked}.${refused}${old}`));
}

function showMeasures() {
  fill(byId("measures"), measureTable(finding.evidence.measures),
    h("p", { class: "made" }, `Signal quality: ${finding.evidence.quality}. Strip: samples ${finding.evidence.strip_start} to ${finding.evidence.strip_end} at ${finding.evidence.fs_hz} Hz.`));
}

function bars(task, scores) {
  return h("div", { class: "bars" }, scores.map(([label, p]) => [
    h("span", {}, h("span", { class: "letter" }, label), ` ${meaningOf(task, label)}`),
    h("meter", { min: "0", max: "1", value: String(p), "aria-label": `${label} ${p.toFixed(2)}` }),
    h("span", { class: "num" }, p.toFixed(4)),
  ]));
}

function showMade() {
  const { outcome } = finding;
  if (outcome?.type !== "Prediction") return fill(byId("made"), h("p", {}, outcomeText(outcome)));
  const facts = [["Answer", KINDS[outcome.label] ? kindLabel(outcome.label) : [outcome.label, meaningOf(outcome.task, outcome.label)].filter(Boolean).join(", ")], ["Task", taskLabel(outcome.task)], ["Bundle", outcome.bundle], ["Backend", outcome.rung]];
  const first = finding.evidence.sets[0];
  const of = first ? `the first ${markWords(first.task, first.kind).label}` : "the answer";
  fill(byId("made"), h("dl", { class: "facts" }, facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])),
    outcome.scores.length ? [h("p", { class: "made" }, `Probabilities of ${of}:`), bars(outcome.task, outcome.scores)]
      : h("p", { class: "made" }, "Rules over measured quantities: there is no probability."));
}

function showMarks() {
  const { marks: all, sets, fs_hz: fsHz } = finding.evidence;
  const reviews = grouped(finding.reviews, markKey);
  const kinds = [...new Set(sets.map((one) => markWords(one.task, one.kind).plural))];
  write(byId("marks-h"), `${capital(kinds.join(", ") || "marks")} and reviews`);
  fill(byId("marks"), table([
    ["At", (mark) => place(mark.start, fsHz, 2), { num: true }],
    ["Sample", (mark) => String(mark.start), { num: true }],
    all.some((mark) => mark.end > mark.start) ? ["Length", (mark) => `${((mark.end - mark.start) / fsHz).toFixed(1)} s`, { num: true }] : null,
    kinds.length > 1 ? ["Kind", (mark) => markWords(mark.task, mark.kind).label] : null,
    ["Device", (mark) => h("span", {}, h("span", { class: "letter", title: meaningOf(mark.task, labelOf(mark)) }, labelOf(mark)), mark.outcome?.type === "Prediction" ? "" : ` ${outcomeText(mark.outcome)}`)],
    ["Probability", (mark) => mark.outcome?.scores?.find(([label]) => label === mark.outcome.label)?.[1].toFixed(2) ?? "", { num: true }],
    ["Reviews", (mark) => (reviews.get(markKey(mark)) ?? []).map((one) => h("div", {}, h("span", { class: "letter" }, one.label ?? ""), ` ${one.verdict} by ${one.reviewer}, ${stamp(one.at)}${one.model_seen ? ", after the device's answer" : ", read blind"}`))],
  ].filter(Boolean), all, { empty: "This finding rests on no marks." }));
}

function grouped(list, keyOf) {
  const made = new Map();
  for (const one of list) made.set(keyOf(one), [...(made.get(keyOf(one)) ?? []), one]);
  return made;
}

function showReviewLink() {
  const set = finding.evidence.sets.find((one) => reviewUnit(one.task, one.kind));
  const link = byId("review");
  if (!link) return;
  link.hidden = !set;
  if (set) write(link, `Review its ${markWords(set.task, set.kind).plural}`);
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
onEvents(["marks"], (item) => {
  if (item.recording !== finding?.recording) return;
  contextKey = "";
  fetchMarks();
});
onEvents(["mark"], (item) => { if (item.recording === finding?.recording && finding.evidence.marks.some((one) => !one.outcome)) show(); });
onEvents(["command.answer"], () => { if (finding?.alarm) show(); });
show();

onKey((event) => {
  if (paper.key(event.key) || verdict.key(event.key)) return event.preventDefault();
  const target = { n: "older", p: "newer" }[event.key];
  if (target && byId(target).href) location.assign(byId(target).href);
});
verdict.load();
new AskDesk(byId("ask"), { finding: id });
