// Better words on their way to the devices: what each suggestion would say there, and the second person who approves it.

import { covers, get, post } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { sure } from "./sure.js";
import { capital, kindLabel, stamp } from "./words.js";

const say = (text) => write(byId("said"), text);
let last = null;

async function tried(act) {
  say("");
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
}

async function show({ older = false } = {}) {
  const state = byId("state").value;
  delete byId("suggestions").dataset.shown;
  const wanted = new URLSearchParams();
  if (state) wanted.set("state", state);
  if (older && last !== null) wanted.set("before", String(last));
  const { suggestions, next } = await get(`/words?${wanted}`);
  const items = suggestions.map(item);
  if (older) byId("suggestions").append(...items);
  else fill(byId("suggestions"), items.length ? items : h("li", { class: "muted" }, "No suggestion here."));
  last = next;
  byId("more").hidden = next === null;
  byId("suggestions").dataset.shown = state || "all";
}

function item(one) {
  return h("li", { class: "card suggestion", "data-row": String(one.row), "data-state": one.state },
    h("h2", {}, kindLabel(one.kind)),
    h("p", { class: "made" }, `${one.state}; suggested by ${one.reader}, ${stamp(one.at)} `, h("a", { href: `/findings/${encodeURIComponent(one.finding)}` }, "the finding")),
    one.pattern === null ? refused(one) : proposed(one),
    one.note ? h("p", {}, `Note: ${one.note}`) : null,
    one.verdicts.length ? h("ul", { class: "plain" }, one.verdicts.map((word) => h("li", {}, `${word.says} by ${word.by}, ${stamp(word.at)}`))) : null,
    acts(one));
}

const refused = (one) => [h("blockquote", {}, one.words), h("p", { class: "fail" }, `It cannot be said: ${one.why}.`)];

const proposed = (one) => [
  h("dl", { class: "facts" },
    h("dt", {}, "Part"), h("dd", {}, partName(one.part)),
    h("dt", {}, "Suggested"), h("dd", {}, h("strong", {}, one.pattern)),
    h("dt", {}, "Vetted"), one.present.map((text) => h("dd", {}, text))),
  h("details", {}, h("summary", {}, `On ${one.previews.length} findings`), one.previews.map((seen) => h("div", { class: "preview" },
    h("p", {}, h("span", { class: "muted" }, "now "), seen.now),
    h("p", {}, h("span", { class: "muted" }, "then "), ...marked(seen))))),
];

// What is new in the second text: whole sentences, as one part at a time is said anew.
function marked({ now, then }) {
  const known = new Set(sentences(now));
  return sentences(then).flatMap((one) => [known.has(one) ? one : h("mark", {}, one), " "]);
}

const sentences = (text) => text.split(/(?<=\.) (?=[A-Z])/);
const partName = (part) => capital(part.replace(/^quantity\//, "number, ").replaceAll("_", " "));

function acts(one) {
  if (one.state === "approved") return h("div", { class: "tools" }, h("button", { type: "button", class: "second", on: { click: () => withdraw(one) } }, "Withdraw"));
  if (one.pattern === null || one.why) return null;
  if (one.mine) return h("p", { class: "muted" }, "These are your own words: somebody else approves them.");
  return h("div", { class: "tools" }, h("button", { type: "button", on: { click: () => approve(one) } }, "Approve"));
}

const approve = (one) => tried(async () => {
  if (!(await sure("Approve these words?", `Every device says "${one.pattern}" in its texts once they are released.`, "Approve"))) return;
  await post(`/words/${one.row}/approve`, { pattern: one.pattern });
  await show();
  say("Approved. They go into the next candidate.");
});

const withdraw = (one) => tried(async () => {
  if (!(await sure("Withdraw these words?", "The next candidate is without them; devices say them until it is released.", "Withdraw"))) return;
  await post(`/words/${one.row}/withdraw`);
  await show();
  say("Withdrawn. The next candidate is without them.");
});

byId("state").addEventListener("change", () => tried(show));
byId("more").addEventListener("click", () => tried(() => show({ older: true })));
byId("release").hidden = !covers("engineer");
byId("release").addEventListener("click", () => tried(async () => {
  const job = await post("/learning/words");
  fill(byId("said"), `Job ${job.id} is queued; `, h("a", { href: "/models" }, "its gates and its release"), " are on the page of the models.");
}));
tried(show);
