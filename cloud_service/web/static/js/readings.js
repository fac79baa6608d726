// What holds now, as the device last said it: a rate large, everything else in words.

import { deadline, isOver } from "./contact.js";
import { fill, h } from "./dom.js";
import { leadText, numberText, quantityName, quantityUnit, taskLabel, unitText } from "./words.js";

const RATE = "/min";

// Notes until when each reading holds by the page's own clock; `asked` is the steady time of the question.
export function dated(device, asked = null) {
  for (const one of device.readings ?? []) one.over = deadline(one.valid_until, device.now, asked);
  device.over = device.online ? deadline(device.online_until, device.now, asked) : -Infinity;
  return device;
}

// Whether the device has said so lately enough.
export const isHere = (device) => device.online && !isOver(device.over);

// A reading that has run out is not the present: it is left out.
const held = (device) => (device.readings ?? []).filter((one) => !isOver(one.over) && (isNumber(one) || one.label !== null));

export const rateOf = (device) => (device.readings ?? []).find((one) => quantityUnit(one) === RATE) ?? null;

// The first number that is a rate by the minute; "--" where there is one to be measured and none is.
export function showRate(box, device) {
  const declared = rateOf(device);
  const now = held(device).find((one) => one === declared);
  box.hidden = !declared;
  if (!declared) {
    box.dataset.key = "";
    return fill(box);
  }
  const text = now && isNumber(now) ? numberText(now) : "--";
  const why = text !== "--" ? "" : isOver(declared.over) ? "out of date" : "not measured";
  if (box.dataset.key === `${text} ${why}`) return;
  box.dataset.key = `${text} ${why}`;
  fill(box, h("span", { class: "big" }, text), h("span", { class: "unit" }, RATE), h("span", { class: "why" }, why),
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
