// What readers say of a whole finding: one word each, with a comment. Nothing is deleted; a new word replaces one's own.

import { covers, get, me, post } from "./api.js";
import { fill, h } from "./dom.js";
import { stamp } from "./words.js";

const WORDS = [
  ["true", "True", "it was there"],
  ["false", "False", "it was not there"],
  ["artefact", "Artefact", "the signal was spoilt"],
  ["other", "Other", "something else, see the comment"],
];
export const verdictText = (word) => ({ disputed: "readers differ" })[word] ?? word;

export class VerdictDesk {
  constructor(place, finding) {
    this.place = place;
    this.path = `/findings/${encodeURIComponent(finding)}/verdicts`;
    this.buttons = [];
  }

  async load() {
    this.show(await get(this.path));
  }

  show({ verdicts, agreed }) {
    const own = verdicts.find((one) => one.reader === me.name);
    fill(this.place, this.said(verdicts, agreed), covers("reviewer") ? this.desk(own) : null);
  }

  said(verdicts, agreed) {
    if (!verdicts.length) return h("p", { class: "muted" }, "Nobody has judged this finding yet.");
    const lines = verdicts.map((one) => h("li", {}, h("strong", {}, one.verdict), ` by ${one.reader}, ${stamp(one.at)}`, one.comment ? h("div", {}, one.comment) : null));
    return [agreed === "disputed" ? h("p", {}, "Readers differ.") : null, h("ul", { class: "plain" }, lines)];
  }

  desk(own) {
    const comment = h("textarea", { id: "verdict-comment", rows: "2", maxlength: "1000" }, own?.comment ?? "");
    const error = h("small", { class: "error", role: "alert" });
    const say = async (verdict) => {
      error.textContent = "";
      for (const one of this.buttons) one.disabled = true;
      try {
        await post(this.path, { verdict, comment: verdict === "withdrawn" ? "" : comment.value });
        const focused = document.activeElement?.dataset?.verdict;
        await this.load();
        this.place.querySelector(`[data-verdict="${focused ?? ""}"]`)?.focus();
      } catch (trouble) {
        for (const one of this.buttons) one.disabled = false;
        error.textContent = trouble.message;
      }
    };
    const button = (word, text, meaning, number) =>
      h("button", { type: "button", class: own?.verdict === word ? "" : "second", "data-verdict": word, "aria-pressed": String(own?.verdict === word), title: meaning, on: { click: () => say(word) } }, text, number ? [" ", h("kbd", {}, String(number))] : null);
    this.buttons = WORDS.map(([word, text, meaning], index) => button(word, text, meaning, index + 1));
    const back = own ? h("button", { type: "button", class: "quiet", "data-verdict": "withdrawn", on: { click: () => say("withdrawn") } }, "Withdraw mine") : null;
    return h("div", {}, h("div", { class: "tools", role: "group", "aria-label": "Verdict on this finding" }, this.buttons, back),
      h("label", { for: "verdict-comment" }, "Comment"), comment, error);
  }

  // Digits say a verdict; false where the key says none.
  key(pressed) {
    const button = this.buttons[Number(pressed) - 1];
    if (!button || button.disabled) return false;
    button.click();
    return true;
  }
}
