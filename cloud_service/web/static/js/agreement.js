// How far readers agree, by task and pair: Cohen's kappa with its interval and how many marks it rests on.

import { get } from "./api.js";
import { fill, table } from "./dom.js";
import { capital, markWords, taskLabel } from "./words.js";

function kappaText(one) {
  if (one.kappa === null) return "chance explains all";
  return `${one.kappa.toFixed(2)} (${one.low.toFixed(2)} to ${one.high.toFixed(2)})`;
}

export async function showAgreement(place) {
  const { pairs } = await get("/agreement");
  fill(place, table([
    ["Task", (one) => taskLabel(one.task)],
    ["Marks", (one) => capital(markWords(one.task, one.kind).plural)],
    ["Readers", (one) => one.readers.join(", ")],
    ["Read by both", (one) => String(one.n), { num: true }],
    ["Alike", (one) => String(one.same), { num: true }],
    ["Kappa (95 %)", (one) => (one.n ? kappaText(one) : "none read blind"), { num: true }],
    ["Not blind", (one) => String(one.not_blind), { num: true }],
  ], pairs, { empty: "No mark has been read by two readers yet.", label: "Agreement of readers" }));
}
