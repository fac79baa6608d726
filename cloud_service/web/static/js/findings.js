// All findings, newest first, by filter. The filter stands in the address, so that it can be shared.

import { get } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { onEvents } from "./feed.js";
import { findingItem } from "./findings-list.js";
import { KINDS, kindLabel } from "./words.js";

const form = byId("filters");
let next = null;
let shown = 0;
let fresh = 0;

function query() {
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value || name === "stream") wanted.set(name, value);
  return wanted;
}

async function show(more) {
  const wanted = query();
  history.replaceState(null, "", `?${wanted}`);
  wanted.set("limit", "30");
  if (more && next) wanted.set("before", next);
  const page = await get(`/findings?${wanted}`);
  const items = page.findings.map((one) => findingItem(one));
  const list = byId("findings");
  if (more) list.append(...items);
  else fill(list, items.length ? items : h("li", { class: "muted" }, "No finding like this."));
  shown = more ? shown + items.length : items.length;
  fresh = more ? fresh : 0;
  next = page.next;
  byId("more").hidden = !next;
  if (more) items[0]?.querySelector("a")?.focus();
  count();
}

function count() {
  write(byId("findings-count"), `${shown} shown${next ? ", there are older ones" : ""}${fresh ? `, ${fresh} new since: ` : ""}`);
  if (fresh) byId("findings-count").append(h("button", { class: "quiet", type: "button", on: { click: () => show(false) } }, "show them"));
}

async function start() {
  const { devices } = await get("/devices");
  form.elements.device.append(...devices.map((one) => h("option", {}, one.name)));
  form.elements.kind.append(...Object.keys(KINDS).map((kind) => h("option", { value: kind }, kindLabel(kind))));
  for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value;
  await show(false);
}

form.addEventListener("change", () => show(false));
form.addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", () => show(true));
onEvents(["finding"], (item) => {
  if (item.body.state !== "opened") return;
  fresh += 1;
  count();
});
start();
