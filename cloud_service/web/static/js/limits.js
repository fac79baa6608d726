// The limits of a bed: in force, changed, kept as profiles.

import { covers, get, post, send } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { called } from "./names.js";
import { capital, stamp, unitText } from "./words.js";

const { device } = byId("limits").dataset;
const path = `/devices/${encodeURIComponent(device)}/limits`;
const may = covers("reviewer");
const EVERY_MS = 2000;
const boxes = new Map(); // by task and name: the field
let known = [];
let profiles = [];

const keyOf = (one) => `${one.task} ${one.name}`;
const unitOf = (one) => unitText(one.unit);
const inForce = (one) => (one.value === null ? "unknown" : `${one.value}`);

// Fields stay as they are while somebody types; what is in force beside them goes on.
function rows(limits) {
  if (boxes.size) {
    for (const one of limits) {
      const at = boxes.get(keyOf(one));
      write(at.now, inForce(one));
      at.now.classList.toggle("changed", one.value !== null && one.value !== one.usual);
    }
    return;
  }
  for (const one of limits) {
    const box = h("input", { type: "number", min: String(one.least), max: String(one.most), step: "any", value: one.value === null ? "" : String(one.value), disabled: !may, "aria-label": `${one.label}, ${one.unit}` });
    boxes.set(keyOf(one), { box, now: h("strong", {}, inForce(one)) });
  }
  fill(byId("rows"), table([
    ["Limit", (one) => capital(one.label)],
    ["In force", (one) => boxes.get(keyOf(one)).now, { num: true }],
    ["Set to", (one) => boxes.get(keyOf(one)).box],
    ["Unit", unitOf],
    ["Usual", (one) => String(one.usual), { num: true }],
    ["May be", (one) => `${one.least} to ${one.most}`, { num: true }],
  ], limits, { label: "Limits", empty: "No task of this version has limits of a bed." }));
}

const show = gathered(async () => {
  const said = await get(path);
  known = said.limits;
  rows(known);
  const others = Object.entries(said.others);
  write(byId("others"), others.length ? `Set by engineers as well: ${others.map(([name, value]) => `${name} ${value}`).join(", ")}.` : "");
  fill(byId("changes"), table([
    ["When", (one) => stamp(one.requested)],
    ["Who", (one) => one.issuer],
    ["What", (one) => Object.entries(one.arguments).filter(([name]) => name !== "task").map(([name, value]) => `${labelOf(one.arguments.task, name)} ${value}`).join(", ")],
    ["Became of it", (one) => `${one.state}${one.reason ? `: ${one.reason}` : ""}`],
  ], said.changes, { label: "Changes", empty: "Nobody has changed a limit of this bed." }));
}, 1000);

const labelOf = (task, name) => known.find((one) => one.name === name && (!task || one.task === task))?.label ?? name;

function filled() {
  const values = {};
  for (const one of known) {
    const { box } = boxes.get(keyOf(one));
    if (box.value !== "") (values[one.task] ??= {})[one.name] = Number(box.value);
  }
  return values;
}

// Only what differs from what is in force is asked for.
function changes() {
  const values = {};
  for (const one of known) {
    const { box } = boxes.get(keyOf(one));
    if (box.value !== "" && Number(box.value) !== one.value) (values[one.task] ??= {})[one.name] = Number(box.value);
  }
  return values;
}

async function set(event) {
  event.preventDefault();
  const values = changes();
  if (!Object.keys(values).length) return write(byId("said"), "Nothing differs from what is in force.");
  try {
    const asked = await post(path, { values });
    write(byId("said"), "Asked; it is in force once the device says so.");
    const open = new Set(asked.map((one) => one.id));
    while (open.size) {
      await new Promise((done) => { setTimeout(done, 700); });
      for (const id of [...open]) {
        const one = await get(`/commands/${id}`);
        if (["requested", "sent"].includes(one.state)) continue;
        open.delete(id);
        write(byId("said"), one.state === "done" ? "The device has set them." : `The device did not set them: ${one.reason || one.state}.`);
      }
    }
  } catch (error) {
    write(byId("said"), error.message);
  }
  show();
}

function put(values) {
  for (const one of known) {
    const value = values[one.task]?.[one.name];
    if (value !== undefined) boxes.get(keyOf(one)).box.value = String(value);
  }
}

async function showProfiles() {
  ({ profiles } = await get("/limit-profiles"));
  fill(byId("profile"), h("option", { value: "" }, "choose"), profiles.map((one) => h("option", {}, one.name)));
  fill(byId("profiles"), profiles.length ? profiles.map((one) => h("li", { class: "chips" },
    h("strong", {}, one.name), h("span", { class: "muted" }, `by ${one.made_by}, ${stamp(one.at)}`),
    h("button", { type: "button", class: "second", "aria-label": `Let ${one.name} go`, on: { click: () => drop(one.name) } }, "Let go"))) : h("li", { class: "muted" }, "None yet."));
}

const tried = (act) => act().then(showProfiles).catch((error) => write(byId("said"), error.message));
const drop = (name) => tried(() => send("DELETE", `/limit-profiles/${encodeURIComponent(name)}`));

async function start() {
  await get("/devices").then(({ devices }) => {
    const one = devices.find((other) => other.name === device);
    write(byId("whose"), one?.subject ? `patient ${called(one.subject)}` : "nobody is admitted");
  });
  show();
  if (!may) return;
  byId("form").addEventListener("submit", set);
  byId("usual").addEventListener("click", () => { for (const one of known) boxes.get(keyOf(one)).box.value = String(one.usual); });
  byId("profile").addEventListener("change", () => put(profiles.find((one) => one.name === byId("profile").value)?.values ?? {}));
  byId("keep").addEventListener("submit", (event) => {
    event.preventDefault();
    tried(() => send("PUT", `/limit-profiles/${encodeURIComponent(event.target.elements.name.value)}`, { values: filled() }));
  });
  showProfiles();
}

onEvents(["command.answer"], (item) => { if (item.device === device) show(); });
setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
byId("form").addEventListener("submit", (event) => event.preventDefault());
start();
