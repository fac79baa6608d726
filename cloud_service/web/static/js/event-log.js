// Events as the device wrote them, whatever their kind: the place for kinds that this version knows nothing about.

import { get } from "./api.js";
import { fill, h, table } from "./dom.js";
import { short, stamp } from "./words.js";

// Names and values of any JSON object; what is nested is written as JSON.
export function fieldsTable(body) {
  const rows = Object.entries(body ?? {});
  return h("dl", { class: "facts tight" }, rows.map(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, textOf(value))]));
}

function textOf(value) {
  if (value === null) return "none";
  if (typeof value === "object") return h("code", {}, shortened(JSON.stringify(value)));
  return shortened(String(value));
}

const shortened = (text) => (text.length > 300 ? `${text.slice(0, 300)} ... (${text.length} characters)` : text);

export const UNKNOWN = "?";

// `choice` is a kind, UNKNOWN for all kinds that have no place of their own, or empty for all.
export async function showEvents(box, { device, choice }) {
  const wanted = new URLSearchParams({ device, limit: "50" });
  if (choice === UNKNOWN) wanted.set("known", "false");
  else if (choice) wanted.set("kind", choice);
  const { events } = await get(`/events?${wanted}`);
  fill(box, table([
    ["Received", (one) => stamp(one.received)],
    ["Kind", (one) => (one.known ? one.kind : h("span", {}, one.kind, h("small", { class: "muted" }, " not known to this version")))],
    ["Name", (one) => h("span", { title: one.id }, `${short(one.id)}${one.rev ? `, rev ${one.rev}` : ""}`)],
    ["Fields", (one) => (one.known ? h("details", {}, h("summary", {}, `${Object.keys(one.body ?? {}).length} fields`), fieldsTable(one.body)) : fieldsTable(one.body))],
  ], events, { empty: "No event of this kind.", label: "Events" }));
}
