// What somebody thinks of a text: a word, better words, a note. It goes to the engineers; the text does not change by it.

import { post } from "./api.js";
import { fill, h, write } from "./dom.js";

export const SAYS = [
  ["agree", "Agree"],
  ["disagree", "Disagree"],
  ["artefact", "Artefact"],
  ["other", "Other"],
  ["better-words", "Better words"],
];
let made = 0;

export class FeedbackDesk {
  constructor({ text, finding = null, about = "Your word on this text" }) {
    Object.assign(this, { text, finding });
    made += 1;
    const id = `feedback-${made}`;
    this.words = h("textarea", { id: `${id}-words`, rows: "2", maxlength: "1000" });
    this.note = h("textarea", { id: `${id}-note`, rows: "2", maxlength: "1000" });
    this.better = h("div", { hidden: true }, h("label", { for: `${id}-words` }, "Better words"), this.words);
    this.said = h("p", { class: "made", role: "status" });
    this.send = h("button", { type: "submit", class: "second" }, "Send");
    const choices = SAYS.map(([value, name], index) => h("label", { class: "saying" },
      h("input", { type: "radio", name: id, value, checked: index === 0, on: { change: () => this.choose(value) } }), ` ${name}`));
    this.says = SAYS[0][0];
    this.root = h("details", { class: "feedback" }, h("summary", {}, about),
      h("form", { on: { submit: (event) => { event.preventDefault(); this.give(); } } },
        h("fieldset", {}, h("legend", { class: "unseen" }, "Your word"), choices), this.better,
        h("label", { for: `${id}-note` }, "Note"), this.note, this.send), this.said);
  }

  choose(value) {
    this.says = value;
    this.better.hidden = value !== "better-words";
    this.words.required = value === "better-words";
  }

  async give() {
    const words = this.says === "better-words" ? this.words.value : "";
    this.send.disabled = true;
    try {
      await post("/feedback", { text: this.text, finding: this.finding, says: this.says, words, note: this.note.value });
      this.words.value = "";
      this.note.value = "";
      fill(this.said, "Kept. The engineers see it; no text changes by itself.");
    } catch (trouble) {
      write(this.said, trouble.message);
    }
    this.send.disabled = false;
  }
}
