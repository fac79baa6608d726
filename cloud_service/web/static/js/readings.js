// What holds now, as the device last said it: a rate large, everything else in words.

import { fill, h } from "./dom.js";
import { leadText, numberText, quantityName, quantityUnit, taskLabel, unitText } from "./words.js";

const RATE = "/min";

// A reading that has run out is not the present: it is left out.
function held(device) {
  const now = device.fs_hz ? (device.sample ?? 0) / device.fs_hz : 0;
  return (device.readings ?? []).filter((one) => !one.fs_hz || one.until / one.fs_hz >= now);
}

export const rateOf = (device) => (device.readings ?? []).find((one) => quantityUnit(one) === RATE) ?? null;

// The first number that is a rate by the minute; "--" where there is one to be measured and none is.
export function showRate(box, device) {
  const declared = rateOf(device);
  const now = held(device).find((one) => one === declared);
  box.hidden = !declared;
  if (!declared) return;
  fill(box, h("span", { class: "big" }, now && isNumber(now) ? numberText(now) : "--"), h("span", { class: "unit" }, RATE),
    h("span", { class: "unseen" }, ` ${quantityName(declared.quantity, declared.name)}`));
}

const isNumber = (one) => one.value !== null && one.value !== undefined;
const valueText = (one) => (isNumber(one) ? `${numberText(one)} ${unitText(quantityUnit(one))}`.trim() : one.label ?? "not measured");

// Everything but the rate: leads that say the same stand together.
export function readingLines(device) {
  const rest = held(device).filter((one) => one !== rateOf(device));
  const lines = [];
  for (const quantity of [...new Set(rest.map((one) => one.quantity))]) {
    const mine = rest.filter((one) => one.quantity === quantity);
    const values = [...new Set(mine.map(valueText))];
    const said = values.map((value) => {
      const leads = mine.filter((one) => valueText(one) === value).flatMap((one) => one.leads);
      return values.length > 1 ? `${value} (${leads.join(", ")})` : value;
    });
    lines.push({ name: quantityName(quantity, mine[0].name), value: said.join(", ") });
  }
  return lines;
}

// ---- which task reads which lead ------------------------------------------------------------------------------------

export function readers(device) {
  return (device.leads ?? []).map((lead) => ({
    lead, text: leadText(lead),
    tasks: (device.tasks ?? []).filter((one) => one.leads.includes(lead.name)).map((one) => one.label || taskLabel(one.task)),
  }));
}

// "EEG Fpz-Cz -> Sleep; EMG: not analysed", leads that are read alike in one group.
export function readersText(device) {
  const groups = new Map();
  for (const one of readers(device)) {
    const by = one.tasks.join(", ");
    groups.set(by, [...(groups.get(by) ?? []), one.text]);
  }
  return [...groups].map(([by, leads]) => (by ? `${leads.join(", ")} \u2192 ${by}` : `${leads.join(", ")}: not analysed`)).join("; ");
}

export const modelsOf = (device) => (device.tasks ?? []).filter((one) => one.bundle || one.rung);

export const modelText = (one) => [one.bundle ?? "no bundle", one.rung ? `on ${one.rung}` : null].filter(Boolean).join(" ") + (one.rung_reason ? `: ${one.rung_reason}` : "");
