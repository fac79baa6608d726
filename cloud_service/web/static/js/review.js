// Review by single keys: first the reader's own word, then the device's answer. What is reviewed, by which labels and
// keys, is the review unit of the task that made the marks.

import { get, me, post } from "./api.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { makeStrips } from "./finding-strip.js";
import { drawable, fetchContext, keptText, markKey } from "./marks.js";
import { fetchStretch } from "./waves-behind.js";
import { PaperChoice, newView } from "./paper-choice.js";
import { showAgreement } from "./agreement.js";
import { keysOf, labelFor, shownKey } from "./review-keys.js";
import { ReviewQueue } from "./review-queue.js";
import { answers, isStated, madeText, markButtons, nextWord, spoken, wordsBy, wordsText } from "./review-statements.js";
import { capital, counted, kindLabel, markWords, meaningOf, outcomeText, place, reviewUnit } from "./words.js";

let queue = [];
const waiting = new ReviewQueue(() => inTurn(fillQueue));
const done = new Set();
const words = []; // [{finding, marks: [key], label}]: what undo takes back, the last first; `label` where it is one of several
const view = newView();
const paper = new PaperChoice(byId("paper"), view, () => desk?.strips.forEach((one) => one.draw()));
const wantedFirst = new URLSearchParams(location.search).get("finding");
const ADJUDICATE = "adjudicate";
const LOOK_AGAIN_MS = 3000;
let at = -1;
let later = null; // the timer that looks for a strip that has not come
// {finding, seen, marks: [mark], chosen, all, mine: Map key -> review that answers, others: Map key -> [review], stated: Map key -> words on statements,
// strips, context: [mark to draw]}
let desk = null;

// ---- queue ----------------------------------------------------------------------------------------------------------

async function fillQueue() {
  const found = await waiting.read();
  queue = [...new Set([...(wantedFirst && !desk ? [wantedFirst] : []), ...found])];
  at = -1;
  if (!queue.length) desk = null; // nothing that is not shown can be labelled
  showQueue();
  if (queue.length) await go(0);
}

async function go(index) {
  if (index < 0 || index >= queue.length) return say(index < 0 ? "This is the first finding." : "This was the last finding of the queue.");
  const isForward = index >= at;
  at = index;
  waiting.take(queue[at]);
  byId("desk").setAttribute("aria-busy", "true");
  for (const one of [...byId("labels").children, byId("confirm")]) one.disabled = true;
  await load(queue[at], false).finally(() => {
    byId("desk").removeAttribute("aria-busy");
    if (desk) allow();
  });
  write(byId("said"), "");
  if (desk.marks.length || desk.finding.id === wantedFirst) return;
  // marks that no task lets anybody review are not asked for
  queue.splice(at, 1);
  if (!queue.length) return showQueue();
  at = isForward ? at - 1 : at;
  await go(isForward ? at + 1 : at - 1);
}

function showQueue() {
  byId("empty").hidden = queue.length > 0;
  byId("desk").hidden = queue.length === 0;
}

async function load(id, seen) {
  const finding = await get(`/findings/${encodeURIComponent(id)}${seen ? "" : "?blind=true"}`);
  const reviews = seen ? finding.reviews : (await get(`/findings/${encodeURIComponent(id)}/reviews`)).reviews;
  const own = reviews.filter((one) => one.reviewer === me.name);
  const mine = new Map(own.filter(answers).map((one) => [markKey(one), one]));
  const others = grouped(reviews.filter((one) => one.reviewer !== me.name));
  const old = desk?.finding.id === id ? desk : null;
  const waves = finding.strips.length ? finding.strips : await fetchStretch(finding);
  paper.offer(waves.map((one) => one.unit));
  const strips = waves.length ? makeStrips(waves, view, drawn) : [];
  const asked = finding.evidence.marks.filter((mark) => reviewUnit(mark.task, mark.kind));
  const inSight = asked.filter((mark) => strips.some((one) => one.overlaps(drawable(mark, finding.evidence.fs_hz))));
  desk = { finding, seen, mine, others, stated: wordsBy(own), strips, marks: inSight.length ? inSight : asked, asked: asked.length, chosen: old?.chosen ?? 0, all: false, context: [] };
  // who has answered every mark before has nothing to be blind to
  if (!seen && desk.marks.length && desk.marks.every((mark) => mine.has(markKey(mark)))) return load(id, true);
  show();
  lookAgain();
  // marks of the device around these ones would give its answer away
  if (seen && strips.length) addContext(desk);
}

// A strip may come later than its finding.
function lookAgain() {
  clearTimeout(later);
  const shown = desk;
  if (shown.marks.every(isInSight)) return;
  later = setTimeout(() => inTurn(() => (desk === shown ? load(shown.finding.id, shown.seen) : null)), LOOK_AGAIN_MS);
}

async function addContext(shown) {
  shown.context = await fetchContext(shown.finding);
  if (desk === shown) for (const one of shown.strips) one.draw();
}

// ---- showing --------------------------------------------------------------------------------------------------------

const grouped = (reviews) => reviews.reduce((by, one) => by.set(markKey(one), [...(by.get(markKey(one)) ?? []), one]), new Map());
const chosenMark = () => desk.marks[desk.chosen] ?? null;
const unitOf = (mark) => reviewUnit(mark.task, mark.kind);
const isChosen = (mark, index) => (desk.all ? isOfOneKind(mark) : index === desk.chosen);
const isOfOneKind = (mark) => mark.task === chosenMark().task && mark.kind === chosenMark().kind;
const isInSight = (mark) => desk.strips.some((one) => one.shows(drawable(mark, desk.finding.evidence.fs_hz)));
const deviceLabel = (mark) => mark.outcome?.label ?? null;
// Readers who differ wait for a third, who sees what they said.
function isDispute(mark) {
  if (isStated(mark)) return false; // of statements each is judged for itself
  const said = desk.others.get(markKey(mark)) ?? [];
  const isRead = (one) => one.verdict !== ADJUDICATE;
  const own = desk.mine.get(markKey(mark));
  return !(own && isRead(own)) && said.every(isRead) && new Set(said.map((one) => one.label)).size > 1;
}
const isDecided = (mark) => desk.mine.get(markKey(mark))?.verdict === ADJUDICATE;
const plural = () => (chosenMark() ? markWords(chosenMark().task, chosenMark().kind).plural : "marks");
const singular = () => (chosenMark() ? markWords(chosenMark().task, chosenMark().kind).label : "mark");

function drawn() {
  if (!desk) return [];
  const fsHz = desk.finding.evidence.fs_hz;
  const kept = desk.marks.map((mark, index) => drawable(mark, fsHz, {
    chosen: isChosen(mark, index), label: desk.mine.get(markKey(mark))?.label ?? (desk.seen ? deviceLabel(mark) ?? "?" : "?"),
  }));
  return [...desk.context, ...kept];
}

function show() {
  const { finding, seen, strips } = desk;
  const left = desk.marks.filter((mark) => !desk.mine.has(markKey(mark))).length;
  if (!left && desk.marks.length) done.add(finding.id);
  else done.delete(finding.id);
  const n = desk.marks.length;
  write(byId("about"), `${finding.device}, ${place(finding.evidence.strip_start, finding.fs_hz)} of the recording, lead ${finding.leads.join(", ")}${seen ? `: ${kindLabel(finding.kind)}` : ""}`);
  const differ = desk.marks.filter(isDispute).length;
  write(byId("phase"), differ && left ? `Readers differ on ${differ} of ${n} ${plural()}: yours decides` : !n ? "Nothing here is reviewed by anybody. n: next finding" : !seen ? `First read: the device's answer is hidden. ${left} of ${n} ${plural()} to label` : left ? `${left} of ${n} ${plural()} without your word` : `All ${plural()} answered. n: next finding`);
  byId("phase").dataset.seen = String(seen);
  write(byId("progress"), `Finding ${at + 1} of ${queue.length}, ${done.size} reviewed in this sitting`);
  byId("bar").max = queue.length;
  byId("bar").value = done.size;
  byId("paper").hidden = !strips.length;
  fill(byId("strips"), strips.length ? strips.map((one) => one.root) : h("p", { class: "muted" }, "The strip has not arrived."));
  for (const one of strips) one.draw();
  showLabels();
  allow();
  showMarks();
  showAnswer();
  const mark = chosenMark();
  if (mark) strips.find((one) => one.overlaps(drawable(mark, finding.evidence.fs_hz)))?.show(mark.start / finding.evidence.fs_hz);
}

let labelsFor = null;

// The labels of the task that made the chosen mark.
function showLabels() {
  const task = chosenMark()?.task ?? null;
  if (task === labelsFor) return;
  labelsFor = task;
  const unit = task ? unitOf(chosenMark()) : null;
  fill(byId("labels"), (unit ? keysOf(unit.labels) : []).map((one) => h("button", {
    type: "button", "data-label": one.name, "data-name": [one.name, one.meaning].filter(Boolean).join(", "), title: one.meaning, "aria-label": [one.name, one.meaning].filter(Boolean).join(", "),
    "aria-keyshortcuts": [shownKey(one), one.digit].filter(Boolean).join(" "), on: { click: () => inTurn(ofThis(() => label(one))) },
  }, one.name, " ", h("kbd", {}, one.digit ?? shownKey(one)))));
  write(byId("all-text"), `All ${plural()}`);
  write(byId("confirm-text"), isStated(chosenMark()) ? "All said" : "Confirm");
  showKeys(unit);
}

// Nothing can be said of what nobody sees: labels are dead, and say why, until the strip of the mark is drawn.
function allow() {
  const canSay = selected().some(isInSight);
  for (const one of byId("labels").children) one.disabled = !canSay;
  byId("confirm").disabled = !desk.seen || !canSay;
  write(byId("blind-spot"), canSay || !desk.marks.length ? "" : whyDead());
}

function whyDead() {
  const what = desk.all ? `No strip shows any of these ${plural()}` : `No strip shows this ${singular()}`;
  return `${what}: it cannot be labelled until it is seen. This page looks again by itself; the waves of the recording can be fetched on its page.`;
}

function showKeys(unit) {
  const keys = unit ? keysOf(unit.labels) : [];
  const ofStatement = (one) => [[shownKey(one)], `${one.name} holds, again: does not hold, again: nothing said${one.meaning ? ` (${one.meaning})` : ""}`];
  const entries = isStated(chosenMark()) ? keys.map(ofStatement) : keys.map((one) => [[shownKey(one), one.digit], `label the selected ${singular()}: ${one.name}${one.meaning && one.meaning !== one.name ? `, ${one.meaning}` : ""}${one.name === unit.cannot_tell ? " (never learned from)" : ""}`]);
  const rest = [
    [["\u2190", "\u2192"], `select another ${singular()}`], [["a"], `select all ${plural()}: the next label is for all`],
    [["c"], isStated(chosenMark()) ? "all is said: of everything else the device is right, once its answer is shown" : "confirm the device's label, once it is shown"],
    [["Enter"], "see the device's answer without reading first (your reviews then say so)"],
    [["u"], "undo your last word"], [["n", "p"], "next, previous finding"],
    [["[", "]"], "paper speed"], [["+", "-"], "gain"], [["?"], "show or close this"],
  ];
  fill(byId("key-list"), [...entries, ...rest].map(([names, text]) => [
    h("dt", {}, names.filter(Boolean).map((one) => [h("kbd", {}, one), " "])), h("dd", {}, text),
  ]));
}

function showMarks() {
  const fsHz = desk.finding.evidence.fs_hz;
  const rows = desk.marks.map((mark, index) => ({ mark, index, review: desk.mine.get(markKey(mark)) }));
  const hidden = desk.asked - desk.marks.length;
  fill(byId("marks"), table([
    [capital(singular()), (row) => h("button", { type: "button", class: "second", "aria-pressed": String(isChosen(row.mark, row.index)), "data-mark": String(row.index), on: { click: () => choose(row.index) } }, String(row.index + 1)), { num: true }],
    ["At", (row) => place(row.mark.start, fsHz, 2), { num: true }],
    ["Your label", (row) => (isStated(row.mark) ? h("span", {}, wordsText(desk.stated.get(markKey(row.mark))) || "none yet") : row.review ? h("span", {}, h("span", { class: "letter" }, row.review.label), ` ${meaningOf(row.mark.task, row.review.label)}, ${row.review.verdict}`) : h("span", { class: "muted" }, "none yet"))],
    ...(desk.others.size ? [["Others", (row) => (desk.others.get(markKey(row.mark)) ?? []).map((one) => h("div", {}, h("span", { class: "letter" }, one.label ?? "all said"), `${one.verdict === "deny" ? " does not hold," : ""} by ${one.reviewer}${one.verdict === ADJUDICATE ? ", decided" : ""}`))]] : []),
    ["Device", (row) => (desk.seen ? (isStated(row.mark) && row.mark.outcome?.scores ? madeText(row.mark) : outcomeText(row.mark.outcome)) : h("span", { class: "muted" }, "hidden"))],
  ], rows), h("p", { class: "small muted" }, [hidden ? `${hidden} more ${hidden === 1 ? `${singular()} of this finding lies outside the strip and is` : `${plural()} of this finding lie outside the strip and are`} not asked for.` : "", keptText(desk.finding.evidence.sets ?? [])].filter(Boolean).join(" ")));
  if (isStated(chosenMark())) markButtons(byId("labels"), chosenMark(), desk.stated.get(markKey(chosenMark())), desk.seen);
  byId("marks").querySelectorAll("tbody tr").forEach((row, index) => row.classList.toggle("is-chosen", isChosen(desk.marks[index], index)));
}

function showAnswer() {
  byId("revealed").hidden = !desk.seen;
  if (!desk.seen) return fill(byId("answer"));
  fill(byId("answer"), h("p", { class: "prose" }, desk.finding.explained?.text ?? "No text."),
    h("p", {}, h("a", { href: `/findings/${encodeURIComponent(desk.finding.id)}` }, "All evidence of this finding")));
}

const say = (text) => write(byId("said"), text);

// ---- what a reader does ---------------------------------------------------------------------------------------------

function choose(index) {
  desk.chosen = Math.min(desk.marks.length - 1, Math.max(0, index));
  desk.all = false;
  show();
}

function chooseAll() {
  if (!desk.marks.length) return;
  desk.all = !desk.all;
  show();
  say(desk.all ? `All ${selected().length} ${plural()} are selected; the next label is for all.` : `${capital(singular())} ${desk.chosen + 1} is selected.`);
}

const selected = () => desk.marks.filter(isChosen);

async function send(marks, make, text) {
  const { finding, seen } = desk;
  for (const mark of marks) {
    const said = { task: mark.task, kind: mark.kind, start: mark.start, model_seen: seen, ...make(mark) };
    keep(mark, await post(`/findings/${encodeURIComponent(finding.id)}/reviews`, said));
  }
  waiting.take(finding.id);
  words.push({ finding: finding.id, marks: marks.map(markKey), label: isStated(marks[0]) ? make(marks[0]).label ?? null : undefined });
  desk.all = false;
  const left = desk.marks.findIndex((mark) => !desk.mine.has(markKey(mark)));
  if (left >= 0 && marks.length === 1 && desk.mine.has(markKey(marks[0]))) desk.chosen = left;
  if (left < 0) showAgreement(byId("agreement")).catch(() => {});
  if (left < 0 && !seen) await load(finding.id, true);
  else show();
  say(text);
}

function keep(mark, review) {
  const key = markKey(mark);
  if (answers(review)) desk.mine.set(key, review);
  if (isStated(review)) desk.stated.set(key, (desk.stated.get(key) ?? new Map()).set(review.label ?? "", review));
}

// A key that says a statement again turns the word round, and then takes it back.
async function state(one) {
  const marks = selected().filter(isInSight);
  const verdict = nextWord(desk.stated.get(markKey(chosenMark()))?.get(one.name));
  if (verdict) return send(marks, () => ({ verdict, label: one.name }), `${named(marks)}: ${one.name} ${spoken(verdict)}.`);
  for (const mark of marks) {
    let review = desk.stated.get(markKey(mark))?.get(one.name);
    // an undo brings back what was said before, until nothing was
    while (review && review.verdict !== "undo") review = await post(`/reviews/${review.row}/undo`);
  }
  await load(desk.finding.id, desk.seen);
  say(`${named(marks)}: nothing is said of ${one.name}.`);
}

const named = (marks) => (marks.length === 1 ? `${capital(singular())} ${desk.marks.indexOf(marks[0]) + 1}` : counted(marks[0].task, marks[0].kind, marks.length));

function label(one) {
  const marks = selected().filter(isInSight);
  if (!marks.length) return say(whyDead());
  if (isStated(marks[0])) return state(one);
  return send(marks, (mark) => ({ verdict: isDispute(mark) || isDecided(mark) ? ADJUDICATE : "relabel", label: one.name }), `${named(marks)}: ${one.name}${one.meaning ? `, ${one.meaning}` : ""}.`);
}

function confirm() {
  if (!desk.seen) return say(`The device's answer is hidden until you have read: label the ${plural()}, or press Enter to see it.`);
  const seen = selected().filter(isInSight);
  if (!seen.length) return say(whyDead());
  if (isStated(seen[0])) return send(seen, () => ({ verdict: "whole" }), `${named(seen)}: all is said.`);
  const marks = seen.filter(deviceLabel);
  if (!marks.length) return say("The device has no label here to confirm.");
  return send(marks, (mark) => (isDispute(mark) || isDecided(mark) ? { verdict: ADJUDICATE, label: deviceLabel(mark) } : { verdict: "confirm" }), `${named(marks)}: the device's label confirmed.`);
}

async function undo() {
  const last = words.pop() ?? (await lastSitting());
  if (!last) return say("There is nothing of yours to undo.");
  // the word that stands now may itself have been put back by an undo
  const { reviews } = await get(`/findings/${encodeURIComponent(last.finding)}/reviews`);
  const isMeant = (one) => last.marks.includes(markKey(one)) && (last.label === undefined || last.label === one.label);
  const standing = reviews.filter((one) => one.reviewer === me.name && isMeant(one));
  for (const one of standing) await post(`/reviews/${one.row}/undo`);
  const isHere = desk?.finding.id === last.finding;
  if (!queue.includes(last.finding)) queue.splice(Math.max(0, at), 0, last.finding);
  at = queue.indexOf(last.finding);
  showQueue();
  await load(last.finding, isHere && desk.seen);
  say(`Undone: ${standing.length === 1 ? "one label" : `${standing.length} labels`}.`);
}

// What was said before this page was opened is taken back label by label.
async function lastSitting() {
  const [last] = (await get("/my-reviews?limit=1")).reviews;
  return last ? { finding: last.finding, marks: [markKey(last)], label: isStated(last) ? last.label : undefined } : null;
}

async function reveal() {
  if (desk.seen) return;
  await load(desk.finding.id, true);
  say("The device's answer is shown; from here on your reviews say that you had seen it.");
}

// ---- keys -----------------------------------------------------------------------------------------------------------

let busy = Promise.resolve();
// one thing at a time, in the order of the keys
function inTurn(act) {
  busy = busy.then(act).catch((error) => say(error.message));
}

// A key that was pressed on one finding says nothing of the next, however long that took to load.
function ofThis(act) {
  const pressedOn = desk?.finding.id;
  return () => (desk && desk.finding.id === pressedOn ? act() : say("That key was pressed before this strip was drawn: look, and press it again."));
}

byId("confirm").addEventListener("click", () => inTurn(ofThis(confirm)));
byId("all").addEventListener("click", () => inTurn(chooseAll));
byId("undo").addEventListener("click", () => inTurn(undo));
byId("next").addEventListener("click", () => inTurn(() => go(at + 1)));
byId("previous").addEventListener("click", () => inTurn(() => go(at - 1)));
byId("help").addEventListener("click", help);

function help() {
  const keys = byId("keys");
  if (keys.open) keys.close();
  else keys.showModal();
}

onKey((event) => {
  if (event.key === "?") {
    event.preventDefault();
    return help();
  }
  if (byId("keys").open) return;
  if (!desk && event.key === "u") return inTurn(undo);
  if (!desk) return;
  const act = meant(event);
  if (!act) return;
  event.preventDefault();
  inTurn(act);
});

// Labels go first: they take no letter of the desk's own without the shift key.
function meant(event) {
  const { key } = event;
  const mark = chosenMark();
  const one = mark && key.length === 1 ? labelFor(unitOf(mark).labels, key) : null;
  if (one) return ofThis(() => label(one));
  const acts = {
    n: () => go(at + 1), p: () => go(at - 1), a: chooseAll, c: ofThis(confirm), u: undo,
    ArrowRight: () => choose(desk.chosen + 1), ArrowLeft: () => choose(desk.chosen - 1),
  };
  // until the next frame the focus of a dialog that was just closed stays on its hidden button, which means no key
  if (key === "Enter" && !event.target.closest(":is(button, a, summary):not(dialog:not([open]) *)")) return reveal;
  if (["[", "]", "+", "=", "-"].includes(key)) return () => paper.key(key);
  return acts[key.length === 1 ? key.toLowerCase() : key];
}

inTurn(() => waiting.start().then(fillQueue));
showAgreement(byId("agreement")).catch((error) => say(error.message));
