// An ECG that somebody gives as a file, on paper, with what is stated of it. The file stays in this page: it is sent
// again for other ten seconds and for another statement, and is kept nowhere.

import { postFile } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { svgOf } from "./drawing.js";
import { capital, taskLabel, unitText } from "./words.js";

const form = byId("ecg");
const LIKELY = 0.5;
let chosen = { window: 0, why: null };
let asked = 0;

function query() {
  const wanted = new URLSearchParams({ window: chosen.window });
  if (chosen.why) wanted.set("why", chosen.why);
  for (const name of ["fs_hz", "unit"]) if (form.elements[name].value) wanted.set(name, form.elements[name].value);
  if (form.elements.fill.checked) wanted.set("fill", "true");
  return wanted;
}

async function ask() {
  const file = form.elements.file.files[0];
  if (!file) return write(byId("said"), "Choose a file first.");
  const mine = ++asked;
  write(byId("said"), "");
  write(byId("busy"), "The models read it ...");
  try {
    // The bytes are taken first: the browser refuses to send a file that was changed since it was chosen.
    const answer = await postFile(`/classify/file?${query()}`, new Blob([await file.arrayBuffer()]));
    if (mine === asked) show(answer);
  } catch (error) {
    if (mine !== asked) return;
    byId("answer").hidden = true;
    write(byId("said"), error.name === "NotReadableError" ? "The file changed or is gone. Try: choose it again" : error.message);
  } finally {
    if (mine === asked) write(byId("busy"), "");
  }
}

function show(answer) {
  const line = answer.statements[answer.window];
  chosen.why = answer.why.code || null;
  byId("answer").hidden = false;
  write(byId("paper-h"), `${line.from_s} to ${line.to_s} s, ${line.leads.join(", ")}`);
  write(byId("headline"), headline(line));
  fill(byId("paper"), svgOf(answer.paper, `Twelve leads on paper, 25 mm/s and 10 mm/mV. ${answer.paper.notes.join(" ")}`));
  showLegend(answer.why);
  fill(byId("notes"), answer.paper.notes.map((note) => h("li", {}, note)));
  fill(byId("statements"), statements(line, answer.why));
  fill(byId("measured"), measured(answer.measured, line));
  showWindows(answer);
}

function headline(line) {
  if (!line.statements.length) return `Nothing is stated: ${line.because}.`;
  const likely = line.statements.filter((one) => one.probability >= LIKELY || one.code === line.called);
  return capital(likely.map((one) => `${one.means} ${one.probability.toFixed(2)}`).join("; "));
}

function showLegend(why) {
  if (why.because) return fill(byId("legend"), `What speaks for a statement is not shown: ${why.because}.`);
  fill(byId("legend"),
    h("span", { class: "swatch for" }), `spoke for \u201c${why.means}\u201d`,
    h("span", { class: "swatch against" }), "against it",
    h("span", { class: "muted" }, why.most.length ? `mostly ${why.most.join(", ")}` : "nothing alone spoke for it"));
}

function statements(line, why) {
  if (!line.statements.length) return h("p", {}, `Nothing is stated: ${line.because}.`);
  const rows = line.statements.map((one) => [
    h("button", { type: "button", class: "letter", "aria-pressed": String(one.code === why.code), title: `What spoke for it: ${one.means}`, on: { click: () => choose({ why: one.code }) } }, one.code),
    h("span", {}, one.means),
    h("meter", { min: "0", max: "1", value: String(one.probability), "aria-label": `${one.means} ${one.probability.toFixed(2)}` }),
    h("span", { class: "num" }, one.probability.toFixed(2)),
  ]);
  return [h("div", { class: "bars stated" }, rows), h("p", { class: "made" }, `By ${line.bundle}, signal ${line.quality}.`)];
}

function measured(lines, about) {
  const near = lines.filter((one) => one.from_s < about.to_s && one.to_s > about.from_s);
  if (!near.length) return h("p", {}, "Nothing was measured.");
  return near.map((one) => [
    h("p", { class: "made" }, `${taskLabel(one.task)}, ${one.from_s} to ${one.to_s} s, ${one.leads.join(", ")}`),
    h("dl", { class: "facts" }, one.values.map((value) => [h("dt", {}, capital(value.label)), h("dd", {}, `${value.value} ${unitText(value.unit)}`.trim())])),
  ]);
}

function showWindows(answer) {
  byId("windows").hidden = answer.statements.length < 2;
  fill(byId("windows"), answer.statements.map((one, at) => h("button", { type: "button", "aria-pressed": String(at === answer.window), on: { click: () => choose({ window: at, why: null }) } }, `${one.from_s} s`)));
}

function choose(changes) {
  chosen = { ...chosen, ...changes };
  ask();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  chosen = { window: 0, why: null };
  ask();
});
byId("print").addEventListener("click", () => window.print());
