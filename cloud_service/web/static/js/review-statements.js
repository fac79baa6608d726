// Words on statements: of one mark several hold or do not, each for itself. A key says that one holds, once more that it
// does not, and once more nothing. That all is said is a word of its own: of all others the device is then right.

import { h } from "./dom.js";
import { markKey } from "./marks.js";
import { markWords, reviewUnit } from "./words.js";

const SIGNS = { affirm: "+", confirm: "+", relabel: "+", deny: "\u2212", whole: "all said" };
const SPOKEN = { affirm: "holds", confirm: "holds", relabel: "holds", deny: "does not hold" };
const NEXT = { affirm: "deny", confirm: "deny", relabel: "deny", deny: null };

export const isStated = (mark) => Boolean(mark && markWords(mark.task, mark.kind).states);

// The statements that the device makes of a mark, the most probable first, as [code, probability].
export function madeOf(mark) {
  const from = markWords(mark.task, mark.kind).states;
  return (mark.outcome?.scores ?? []).filter(([, p]) => p >= from).sort((one, other) => other[1] - one[1]);
}

export const madeText = (mark) => madeOf(mark).map(([code, p]) => `${code} ${p.toFixed(2)}`).join(", ") || "none of them";

// What a reader said of each mark: Map key -> Map of label -> review; the word that all is said has no label.
export function wordsBy(reviews) {
  const made = new Map();
  for (const one of reviews.filter(isStated)) {
    const key = markKey(one);
    made.set(key, (made.get(key) ?? new Map()).set(one.label ?? "", one));
  }
  return made;
}

// Whether a review answers its mark: one label does, and of statements the word that all is said or cannot be told.
export const answers = (one) => !isStated(one) || one.verdict === "whole" || one.label === reviewUnit(one.task, one.kind)?.cannot_tell;

// The next word on a statement: null where the last one is to be taken back.
export const nextWord = (review) => (review ? NEXT[review.verdict] : "affirm");

export const spoken = (verdict) => SPOKEN[verdict] ?? "nothing said";

export function wordsText(words) {
  const all = [...(words?.values() ?? [])];
  return all.map((one) => [SIGNS[one.verdict] ?? one.verdict, one.label].filter(Boolean).join("")).join(" ");
}

// Shows on the buttons what is said of the chosen mark, and once it is open what the device says.
export function markButtons(group, mark, words, isSeen) {
  const made = new Map(isSeen ? madeOf(mark) : []);
  for (const button of group.querySelectorAll("button")) {
    const code = button.dataset.label;
    const said = words?.get(code);
    button.dataset.said = said ? SIGNS[said.verdict] : "";
    button.dataset.made = String(made.has(code));
    const parts = [button.dataset.name, said && `you: ${spoken(said.verdict)}`, made.has(code) && `the device: ${made.get(code).toFixed(2)}`];
    button.setAttribute("aria-label", parts.filter(Boolean).join(", "));
    button.querySelector(".said-of")?.remove();
    if (said) button.prepend(h("span", { class: "said-of", "aria-hidden": "true" }, SIGNS[said.verdict]));
  }
}
