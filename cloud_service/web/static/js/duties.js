// Who answers for which bed or group: named, in their order, and who of them has a page open.

import { covers, get, send } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered } from "./feed.js";

const may = covers("reviewer");
const TURNS = ["First", "Second", "Third"];
const EVERY_MS = 5000;
let duties = null;
let rows = []; // { path, was, now() } of everything that can be set
let shape = "";

const seconds = (s) => (s % 60 === 0 ? `${s / 60} min` : `${s} s`);

function rules({ high_s: high, medium_s: medium, remind_s: remind }) {
  const waits = [["high", high], ["medium", medium]].filter(([, s]) => s > 0).map(([name, s]) => `${seconds(s)} for a ${name} alarm`);
  if (!waits.length) return "The settings of this clinic let nobody be told: escalation is switched off.";
  const again = remind > 0 ? ` After that everybody is reminded every ${seconds(remind)}.` : "";
  return `An alarm that nobody acknowledges is told to the first person named for its bed, then to the next, then to everybody on a page; each has ${waits.join(" and ")}. Who has no page open is passed over at once.${again} Low alarms are told to nobody.`;
}

function choices(what, name, people) {
  const names = duties.people.map((one) => one.name);
  const boxes = TURNS.map((turn, at) => {
    const offered = [...new Set([...names, ...people])];
    const box = h("select", { disabled: !may, "aria-label": `${turn} for ${what} ${name}` }, h("option", { value: "" }, "nobody"), offered.map((one) => h("option", {}, one)));
    box.value = people[at] ?? "";
    return box;
  });
  rows.push({
    path: `/duties/${what}/${encodeURIComponent(name)}`, was: JSON.stringify(people),
    now: () => boxes.map((box) => box.value).filter(Boolean), body: (chosen) => ({ people: chosen }),
  });
  return boxes;
}

function groupBox(bed) {
  const box = h("input", { value: bed.group ?? "", maxlength: "64", pattern: "[^\\W_][\\w .\\-]*", autocomplete: "off", disabled: !may, "aria-label": `Group of ${bed.device}` });
  box.setAttribute("list", "known-groups"); // a property of this name cannot be set
  rows.push({ path: `/devices/${encodeURIComponent(bed.device)}/group`, was: JSON.stringify(bed.group ?? ""), now: () => box.value.trim(), body: (group) => ({ group }), first: true });
  return box;
}

function draw() {
  rows = [];
  const beds = new Map(duties.beds.map((bed) => [bed, { group: groupBox(bed), boxes: choices("bed", bed.device, bed.people) }]));
  const groups = new Map(duties.groups.map((group) => [group, choices("group", group.name, group.people)]));
  fill(byId("known-groups"), duties.groups.map((one) => h("option", { value: one.name })));
  fill(byId("beds"), table([
    ["Bed", (bed) => h("a", { href: `/devices/${encodeURIComponent(bed.device)}` }, bed.device)],
    ["Group", (bed) => beds.get(bed).group],
    ...TURNS.map((turn, at) => [turn, (bed) => beds.get(bed).boxes[at]]),
    ["Told", (bed) => (bed.answering.length ? `${bed.answering.join(", ")}, then everybody` : "everybody")],
  ], duties.beds, { label: "Beds", empty: "No device is known yet." }));
  fill(byId("groups"), table([
    ["Group", (group) => group.name],
    ...TURNS.map((turn, at) => [turn, (group) => groups.get(group)[at]]),
  ], duties.groups, { label: "Groups", empty: "No bed is in a group." }));
}

function drawPeople() {
  fill(byId("people"), table([
    ["Person", (one) => one.name],
    ["Role", (one) => one.role],
    ["Page", (one) => (one.on_page ? "open now" : "none")],
  ], duties.people, { label: "People" }));
}

// What somebody is choosing stays: beds and groups are drawn anew only when they have changed.
const show = gathered(async () => {
  duties = await get("/duties");
  write(byId("rules"), rules(duties));
  drawPeople();
  const now = JSON.stringify([duties.beds, duties.groups, duties.people.map((one) => one.name)]);
  if (now === shape) return;
  shape = now;
  draw();
}, 1000);

async function set(event) {
  event.preventDefault();
  const changed = rows.map((one) => ({ ...one, to: one.now() })).filter((one) => JSON.stringify(one.to) !== one.was);
  if (!changed.length) return write(byId("said"), "Nothing differs from what is set.");
  try {
    for (const one of changed.sort((a, b) => Number(Boolean(b.first)) - Number(Boolean(a.first)))) await send("PUT", one.path, one.body(one.to));
    write(byId("said"), changed.length === 1 ? "Set." : `${changed.length} changes set.`);
  } catch (error) {
    write(byId("said"), error.message);
  }
  shape = "";
  return show();
}

byId("form").addEventListener("submit", set);
setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
show();
