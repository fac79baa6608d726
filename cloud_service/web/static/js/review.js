// Review by single keys: first the reader's own word, then the device's answer.

import { get, me, post } from "./api.js";
import { byId, fill, h, onKey, table, write } from "./dom.js";
import { makeStrips } from "./finding-strip.js";
import { CLASSES, KINDS, kindLabel, outcomeText, place } from "./words.js";

const LABELS = Object.keys(CLASSES);
const queue = [];
const done = new Set();
const words = []; // [{finding, samples}]: what undo takes back, the last first
let at = -1;
let desk = null; // {finding, seen, beats: [sample], chosen, all, mine: Map sample -> review, strips}

// ---- queue ----------------------------------------------------------------------------------------------------------

async function fillQueue() {
  const wanted = new URLSearchParams(location.search).get("finding");
  if (wanted) queue.push(wanted);
  let before = null;
  do {
    const page = await get(`/findings?reviewed=false&limit=200${before ? `&before=${encodeURIComponent(before)}` : ""}`);
    for (const one of page.findings) {
      if (one.beats && !KINDS[one.kind]?.technical && !queue.includes(one.id)) queue.push(one.id);
    }
    before = page.next;
  } while (before && queue.length < 500);
  byId("empty").hidden = queue.length > 0;
  byId("desk").hidden = queue.length === 0;
  if (queue.length) await go(0);
}

async function go(index) {
  if (index < 0 || index >= queue.length) return say(index < 0 ? "This is the first finding." : "This was the last finding of the queue.");
  at = index;
  await load(queue[at], false);
  write(byId("said"), "");
}

async function load(id, seen) {
  const finding = await get(`/findings/${encodeURIComponent(id)}${seen ? "" : "?blind=true"}`);
  const reviews = seen ? finding.reviews : (await get(`/findings/${encodeURIComponent(id)}/reviews`)).reviews;
  const mine = new Map(reviews.filter((one) => one.reviewer === me.name).map((one) => [one.sample, one]));
  const old = desk?.finding.id === id ? desk : null;
  const strips = finding.strips.length ? makeStrips(finding.strips, marks) : [];
  const drawn = finding.evidence.beats.filter((beat) => strips.some((one) => one.holds(beat.sample)));
  desk = { finding, seen, mine, strips, beats: (drawn.length ? drawn : finding.evidence.beats).map((one) => one.sample), chosen: old?.chosen ?? 0, all: false };
  // who has answered every beat before has nothing to be blind to
  if (!seen && desk.beats.length && desk.beats.every((sample) => mine.has(sample))) return load(id, true);
  show();
}

// ---- showing --------------------------------------------------------------------------------------------------------

const beatOf = (sample) => desk.finding.evidence.beats.find((one) => one.sample === sample);
const deviceLabel = (sample) => beatOf(sample)?.outcome?.label ?? null;

function marks() {
  return desk.beats.map((sample, index) => ({
    sample, chosen: desk.all || index === desk.chosen, letter: desk.mine.get(sample)?.label ?? (desk.seen ? deviceLabel(sample) ?? "?" : "?"),
  }));
}

function show() {
  const { finding, seen, strips } = desk;
  const left = desk.beats.filter((sample) => !desk.mine.has(sample)).length;
  if (!left && desk.beats.length) done.add(finding.id);
  else done.delete(finding.id);
  write(byId("about"), `${finding.device}, ${place(finding.evidence.strip_start, finding.fs_hz)} of the recording, lead ${finding.leads.join(", ")}${seen ? `: ${kindLabel(finding.kind)}` : ""}`);
  write(byId("phase"), !seen ? `First read: the device's answer is hidden. ${left} of ${desk.beats.length} beats to label` : left ? `${left} of ${desk.beats.length} beats without your word` : "All beats answered. n: next finding");
  byId("phase").dataset.seen = String(seen);
  write(byId("progress"), `Finding ${at + 1} of ${queue.length}, ${done.size} reviewed in this sitting`);
  byId("bar").max = queue.length;
  byId("bar").value = done.size;
  byId("confirm").disabled = !seen;
  fill(byId("strips"), strips.length ? strips.map((one) => one.root) : h("p", { class: "muted" }, "The strip has not arrived."));
  for (const one of strips) one.draw();
  showBeats();
  showAnswer();
  const sample = desk.beats[desk.chosen];
  if (sample !== undefined) strips.find((one) => one.holds(sample))?.show(sample);
}

function showBeats() {
  const rows = desk.beats.map((sample, index) => ({ sample, index, review: desk.mine.get(sample), beat: beatOf(sample) }));
  const hidden = desk.finding.evidence.beats.length - desk.beats.length;
  fill(byId("beats"), table([
    ["Beat", (row) => h("button", { type: "button", class: "second", "aria-pressed": String(desk.all || row.index === desk.chosen), "data-beat": String(row.index), on: { click: () => choose(row.index) } }, String(row.index + 1)), { num: true }],
    ["At", (row) => place(row.sample, desk.finding.fs_hz, 2), { num: true }],
    ["Your label", (row) => (row.review ? h("span", {}, h("span", { class: "letter" }, row.review.label), ` ${CLASSES[row.review.label] ?? ""}, ${row.review.verdict}`) : h("span", { class: "muted" }, "none yet"))],
    ["Device", (row) => (desk.seen ? outcomeText(row.beat.outcome) : h("span", { class: "muted" }, "hidden"))],
  ], rows), hidden ? h("p", { class: "small muted" }, `${hidden} more beats of this finding lie outside the strip and are not asked for.`) : null);
  byId("beats").querySelectorAll("tbody tr").forEach((row, index) => row.classList.toggle("is-chosen", desk.all || index === desk.chosen));
}

function showAnswer() {
  byId("revealed").hidden = !desk.seen;
  if (!desk.seen) return fill(byId("answer"));
  fill(byId("answer"), h("p", { class: "prose" }, desk.finding.explained?.text ?? "No text."),
    h("p", {}, h("a", { href: `/findings/${encodeURIComponent(desk.finding.id)}` }, "All evidence of this finding")));
}

const say = (text) => write(byId("said"), text);

// ---- what a reader does -----------------------------------------------------------------------------------------------

function choose(index) {
  desk.chosen = Math.min(desk.beats.length - 1, Math.max(0, index));
  desk.all = false;
  show();
}

function chooseAll() {
  desk.all = !desk.all;
  show();
  say(desk.all ? `All ${desk.beats.length} beats are selected; the next label is for all.` : `Beat ${desk.chosen + 1} is selected.`);
}

const selected = () => (desk.all ? desk.beats : desk.beats.slice(desk.chosen, desk.chosen + 1));

async function speak(samples, make, text) {
  const { finding, seen } = desk;
  for (const sample of samples) {
    const review = await post(`/findings/${encodeURIComponent(finding.id)}/reviews`, { sample, model_seen: seen, ...make(sample) });
    desk.mine.set(sample, review);
  }
  words.push({ finding: finding.id, samples: [...samples] });
  desk.all = false;
  const left = desk.beats.findIndex((sample) => !desk.mine.has(sample));
  if (left >= 0 && samples.length === 1) desk.chosen = left;
  if (left < 0 && !seen) await load(finding.id, true);
  else show();
  say(text);
}

const named = (samples) => (samples.length === 1 ? `Beat ${desk.beats.indexOf(samples[0]) + 1}` : `${samples.length} beats`);

function label(letter) {
  const samples = selected();
  if (!samples.length) return null;
  return speak(samples, () => ({ verdict: "relabel", label: letter }), `${named(samples)}: ${letter}, ${CLASSES[letter]}.`);
}

function confirm() {
  if (!desk.seen) return say("The device's answer is hidden until you have read: label the beats, or press Enter to see it.");
  const samples = selected().filter(deviceLabel);
  if (!samples.length) return say("The device has no label here to confirm.");
  return speak(samples, () => ({ verdict: "confirm" }), `${named(samples)}: the device's label confirmed.`);
}

async function undo() {
  const last = words.pop();
  if (!last) return say("There is nothing to undo in this sitting.");
  // the word that stands now may itself have been put back by an undo
  const { reviews } = await get(`/findings/${encodeURIComponent(last.finding)}/reviews`);
  const standing = reviews.filter((one) => one.reviewer === me.name && last.samples.includes(one.sample));
  for (const one of standing) await post(`/reviews/${one.row}/undo`);
  const index = queue.indexOf(last.finding);
  const isHere = desk.finding.id === last.finding;
  at = index;
  await load(last.finding, isHere && desk.seen);
  say(`Undone: ${standing.length === 1 ? "one label" : `${standing.length} labels`}.`);
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

byId("labels").append(...LABELS.map((letter, index) => h("button", {
  type: "button", "aria-keyshortcuts": `${letter === "N" ? "Shift+N" : letter} ${index + 1}`, "aria-label": `${letter}, ${CLASSES[letter]}`, title: CLASSES[letter], on: { click: () => inTurn(() => label(letter)) },
}, letter)));
byId("confirm").addEventListener("click", () => inTurn(confirm));
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
  if (!desk || byId("keys").open) return;
  const act = meant(event);
  if (!act) return;
  event.preventDefault();
  inTurn(act);
});

// n is the next finding and N the label: the one pair in which the shift key counts. Digits do without it.
function meant(event) {
  const { key } = event;
  if (key === "n") return () => go(at + 1);
  const letter = LABELS[Number(key) - 1] ?? (LABELS.includes(key.toUpperCase()) ? key.toUpperCase() : null);
  if (letter) return () => label(letter);
  const acts = {
    a: chooseAll, c: confirm, u: undo, p: () => go(at - 1),
    ArrowRight: () => choose(desk.chosen + 1), ArrowLeft: () => choose(desk.chosen - 1),
  };
  if (key === "Enter" && !event.target.closest("button, a, summary")) return reveal;
  return acts[key.length === 1 ? key.toLowerCase() : key];
}

fillQueue().catch((error) => say(error.message));
