// A question and its answer: vetted sentences with their source, measured facts with their strip, or why there is none.

import { post } from "./api.js";
import { fill, h } from "./dom.js";
import { FeedbackDesk } from "./feedback-desk.js";
import { QUESTIONS, capital, place } from "./words.js";

const LONGEST = 400;

function sourceText(source) {
  const link = source.doi ? h("a", { href: `https://doi.org/${encodeURI(source.doi)}`, rel: "noreferrer", target: "_blank" }, source.doi) : null;
  return h("p", { class: "made" }, source.year ? `${source.year}. ` : "", source.cite, link ? [" ", link] : null);
}

function factText(part, about) {
  const where = `${place(part.start, part.fs_hz)} to ${place(part.end, part.fs_hz)}`;
  const to = part.finding === about ? "#strip-h" : `/findings/${encodeURIComponent(part.finding)}`;
  const which = part.finding === about ? "Measured; strip" : "Measured before; strip";
  return h("p", { class: "made" }, `${which} `, h("a", { href: to }, where));
}

// Sentences of one source in a row stand under it together.
function groups(parts) {
  const made = [];
  for (const part of parts) {
    const key = part.source ? part.source.cite : `${part.finding} ${part.start} ${part.end}`;
    if (made.at(-1)?.key === key) made.at(-1).parts.push(part);
    else made.push({ key, parts: [part] });
  }
  return made;
}

export class AskDesk {
  constructor(box, { finding = null } = {}) {
    this.finding = finding;
    this.input = h("input", { id: "question", name: "question", type: "text", maxlength: String(LONGEST), autocomplete: "off" });
    this.button = h("button", { type: "submit" }, "Ask");
    this.reply = h("div", { class: "reply", role: "status" });
    const form = h("form", { class: "ask", on: { submit: (event) => { event.preventDefault(); this.ask(this.input.value); } } },
      h("label", { for: "question" }, "Question"), this.input, this.button);
    fill(box, finding ? this.offers() : null, form, this.reply);
  }

  offers() {
    const one = (kind) => h("button", { type: "button", class: "second", "data-template": kind.name, on: { click: () => this.ask(kind.question, kind.name) } }, kind.question);
    return h("div", { class: "tools", role: "group", "aria-label": "Questions about this finding" }, QUESTIONS.map(one));
  }

  async ask(question, template = null) {
    this.input.value = question;
    this.button.disabled = true;
    try {
      this.show(await post("/ask", { question: template ? "" : question, finding: this.finding, template }));
    } catch (trouble) {
      fill(this.reply, h("p", { class: "error" }, trouble.message));
    }
    this.button.disabled = false;
  }

  show(reply) {
    fill(this.reply, reply.reason ? this.refusal(reply) : this.answer(reply));
  }

  answer(reply) {
    const what = reply.in_general ? [h("strong", {}, capital(reply.subject)), ", in general; nothing here is about a finding."] : null;
    const said = groups(reply.parts).map(({ parts }) => h("div", { class: "quoted" },
      parts.map((part) => h("p", { class: "prose" }, part.text)),
      parts[0].source ? sourceText(parts[0].source) : factText(parts[0], this.finding),
      parts[0].source ? parts.map((part) => this.desk(part, reply, parts.length > 1)) : null));
    const left = reply.left_out ? h("p", { class: "made" }, `${reply.left_out} measured ${reply.left_out === 1 ? "number has" : "numbers have"} no vetted words and ${reply.left_out === 1 ? "is" : "are"} left out; Evidence shows all.`) : null;
    return [what ? h("p", {}, what) : null, said, left];
  }

  // A word on a vetted sentence; where several stand together, each desk says which one it is about.
  desk(part, reply, isOneOfSeveral) {
    const about = isOneOfSeveral ? `Your word on "${part.text}"` : "Your word on this sentence";
    return new FeedbackDesk({ text: part.text, finding: reply.in_general ? null : this.finding, about }).root;
  }

  refusal(reply) {
    const again = (question) => h("button", { type: "button", class: "second", on: { click: () => this.ask(question) } }, question);
    const offered = this.finding ? QUESTIONS.map((kind) => kind.question) : [];
    const more = reply.can.filter((question) => !offered.includes(question));
    const what = offered.length ? `What can be answered: the questions above${more.length ? ", and:" : "."}` : "What can be answered:";
    return h("div", { class: "quoted" }, h("p", {}, h("strong", {}, "Not answered. "), reply.why),
      h("p", { class: "made" }, what), more.length ? h("div", { class: "tools" }, more.map(again)) : null);
  }
}
