// One finding with all it rests on.

import { get } from "./api.js";
import { showAlarms } from "./alarm-list.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { findingName, madeOf, measuresOf, noStrip, textOf } from "./finding-parts.js";
import { makeStrips } from "./finding-strip.js";
import { drawable, fetchContext, keptText, labelOf, markKey } from "./marks.js";
import { PaperChoice, newView } from "./paper-choice.js";
import { isStated, madeText, spoken } from "./review-statements.js";
import { KINDS, capital, markWords, meaningOf, outcomeText, place, priorityMark, reviewUnit, short, stamp } from "./words.js";
import { AskDesk } from "./ask-desk.js";
import { FeedbackDesk } from "./feedback-desk.js";
import { ShareDesk } from "./share-desk.js";
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
  // a word on one of several statements is no name for the whole mark
  const said = new Map(finding.reviews.filter((one) => !isStated(one)).map((one) => [markKey(one), one.label]));
  const kept = finding.evidence.marks.map((mark) => drawable(mark, finding.evidence.fs_hz, { label: said.get(markKey(mark)) ?? labelOf(mark) }));
  return [...context, ...kept];
}

const show = gathered(async () => {
  finding = await get(`/findings/${encodeURIComponent(id)}`);
  const name = findingName(finding);
  document.title = `${name}, ${finding.device} - Bedside`;
  write(byId("kind"), name);
  fill(byId("chips"), priorityMark(finding.priority), h("a", { href: `/devices/${encodeURIComponent(finding.device)}` }, finding.device),
    h("span", { class: "muted" }, KINDS[finding.kind]?.technical ? "technical, " : "", finding.state));
  write(byId("when"), `${place(finding.onset, finding.fs_hz)} to ${place(finding.end, finding.fs_hz)} of recording ${short(finding.recording)}, ${finding.leads.length === 1 ? "lead" : "leads"} ${finding.leads.join(", ") || "none"}. The device wrote this ${stamp(finding.at)}; it reached the clinic ${stamp(finding.received)}. Revision ${finding.rev}${finding.stream === "live" ? "" : `, stream ${finding.stream}`}.`);
  byId("around").href = `/devices/${encodeURIComponent(finding.device)}/recordings/${encodeURIComponent(finding.recording)}?${new URLSearchParams({ at: Math.max(0, finding.onset / finding.fs_hz - 3).toFixed(1), view: "strip", ...(finding.leads.length ? { lead: finding.leads[0] } : {}) })}`;
  showStrips();
  showText();
  fill(byId("measures"), measuresOf(finding));
  fill(byId("made"), madeOf(finding));
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
    fill(byId("strips"), strips.length ? strips.map((one) => one.root) : noStrip(finding));
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
  byId("text-feedback").hidden = !finding.explained;
  if (finding.explained) onText.text = finding.explained.text;
  fill(byId("text"), textOf(finding));
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
    ["Device", (mark) => h("span", {}, h("span", { class: "letter", title: meaningOf(mark.task, labelOf(mark)) }, labelOf(mark)), mark.outcome?.type === "Prediction" ? (isStated(mark) ? h("div", { class: "small muted" }, madeText(mark)) : "") : ` ${outcomeText(mark.outcome)}`)],
    ["Probability", (mark) => mark.outcome?.scores?.find(([label]) => label === mark.outcome.label)?.[1].toFixed(2) ?? "", { num: true }],
    ["Reviews", (mark) => (reviews.get(markKey(mark)) ?? []).map((one) => h("div", {}, h("span", { class: "letter" }, one.label ?? ""), ` ${spokenOf(one)} by ${one.reviewer}, ${stamp(one.at)}${one.model_seen ? ", after the device's answer" : ", read blind"}`))],
  ].filter(Boolean), all, { empty: "This finding rests on no marks." }));
}

const spokenOf = (one) => (!isStated(one) ? one.verdict : one.verdict === "whole" ? "all said" : spoken(one.verdict));

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
if (byId("share")) new ShareDesk(byId("share"), id).load();
new AskDesk(byId("ask"), { finding: id });
