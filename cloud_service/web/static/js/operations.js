// For engineers and administrators: health, dead letters, commands, audit log.

import { covers, get, post } from "./api.js";
import { hear, onTick } from "./contact.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { capital, kindLabel, short, stamp } from "./words.js";

const say = (text) => write(byId("said"), text);
const tried = (act) => act().catch((error) => say(error.message));

function certificates({ certificates: ends }) {
  if (!ends.length) return "none";
  return h("ul", {}, ends.map((one) => h("li", { class: one.ends_soon ? "fail" : "" }, `${capital(one.name)}: until ${one.ends.slice(0, 10)}${one.ends_soon ? ", to be renewed" : ""}`)));
}

const showHealth = gathered(async () => {
  const answer = await (await fetch("/healthz", { signal: AbortSignal.timeout(8000) })).json();
  hear();
  const broker = answer.broker === null ? "none is set" : answer.broker ? "connected" : `not connected: ${answer.broker_why}`;
  fill(byId("health"), [["Certificates", certificates(answer)], ["Database", answer.database ? "answers" : "does not answer"], ["Broker", broker], ["Ingest", answer.ingest === null ? answer.ingest_why : answer.ingest ? "goes on" : answer.ingest_why]].map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
  fill(byId("parts"), table([
    ["Part", (one) => one.name], ["State", (one) => h("span", { class: one.why_still ? "fail" : "pass" }, one.why_still || "goes on")],
    ["Last came round", (one) => `${one.age_s.toFixed(1)} s ago`, { num: true }], ["At most", (one) => `${one.limit_s} s`, { num: true }],
    ["Started anew", (one) => String(one.restarts), { num: true }],
  ], answer.parts));
});

const showLetters = gathered(async () => {
  const { waiting, dead_letters: letters } = await get("/dead-letters");
  write(byId("letters-h"), `Dead letters (${waiting})`);
  byId("replay").disabled = !waiting;
  fill(byId("letters"), table([
    ["Topic", (one) => one.topic], ["Why", (one) => one.reason], ["First", (one) => stamp(one.first)],
    ["Last", (one) => stamp(one.last)], ["Times", (one) => String(one.times), { num: true }],
    ["Content", (one) => h("details", {}, h("summary", {}, `${one.length} bytes`), h("pre", { class: "card-text" }, one.payload))],
  ], letters, { empty: "None." }));
});

const showFeedback = gathered(async () => {
  const { feedback, counts } = await get(`/feedback?limit=50&order=${byId("feedback-order").value}`);
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  write(byId("feedback-h"), `Words on texts (${all})`);
  fill(byId("feedback"), table([
    ["At", (one) => stamp(one.at)], ["Who", (one) => one.reader], ["Says", (one) => one.says.replace("-", " ")],
    ["Of", (one) => (one.finding ? h("a", { href: `/findings/${encodeURIComponent(one.finding)}` }, kindLabel(one.kind)) : "in general")],
    ["Text", (one) => one.text], ["Better words", (one) => one.words], ["Note", (one) => one.note],
    ["Reads as", (one) => one.reads_as ?? ""],
  ], feedback, { empty: "None yet." }));
});
byId("feedback-order").addEventListener("change", () => showFeedback());

const showCommands = gathered(async () => {
  const { commands } = await get("/commands?limit=50");
  fill(byId("commands"), table([
    ["Requested", (one) => stamp(one.requested)], ["Device", (one) => one.device], ["Command", (one) => one.name], ["By", (one) => one.issuer],
    ["State", (one) => one.state], ["Answered", (one) => (one.answered ? stamp(one.answered) : "")], ["Why", (one) => one.reason],
  ], commands));
});

byId("replay").addEventListener("click", () => tried(async () => {
  const done = await post("/dead-letters/replay");
  say(`${done.stored} stored, ${done.still_refused} still refused.`);
  showLetters();
}));

const showAudit = gathered(async () => {
  const { entries } = await get("/audit?limit=50");
  fill(byId("audit"), table([
    ["Number", (one) => String(one.number), { num: true }], ["At", (one) => stamp(one.at)], ["Who", (one) => one.actor], ["Did", (one) => one.action],
    ["To", (one) => one.subject], ["Detail", (one) => (one.detail === "{}" ? "" : one.detail)], ["Hash", (one) => h("code", { title: one.hash }, short(one.hash))],
  ], entries));
});

const gone = (check) => (check.accepted.length ? `. Gone or replaced for a reason that was given: ${check.accepted.join("; ")}` : "");

function forms() {
  byId("verify").addEventListener("click", () => tried(async () => {
    const check = await get("/audit/verify");
    byId("chain").className = check.holds ? "pass" : "fail";
    write(byId("chain"), check.holds ? `The chain holds: ${check.entries} entries, anchored up to entry ${check.anchored}. Head ${check.head}${gone(check)}` : `The chain does not hold: ${check.why}`);
  }));
}

onEvents(["command.answer"], showCommands);
for (const show of [showHealth, showLetters, showFeedback, showCommands]) show();
if (covers("admin")) {
  forms();
  showAudit();
}
setInterval(() => { if (!document.hidden) [showLetters, showFeedback, showCommands, ...(covers("admin") ? [showAudit] : [])].forEach((show) => show()); }, 10000);
setInterval(() => { if (!document.hidden) showHealth(); }, 3000);
onTick((lost) => {
  if (!lost || byId("parts").dataset.lost) return;
  fill(byId("health"), h("dt", {}, "Clinic"), h("dd", {}, "unknown: no contact"));
  fill(byId("parts"));
});
