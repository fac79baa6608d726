// All patients of whom there are recordings, and admission to a bed.

import { get } from "./api.js";
import { order } from "./bed-orders.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered, onEvents } from "./feed.js";
import { called } from "./names.js";
import { sure } from "./sure.js";
import { stamp } from "./words.js";

const form = byId("admit");
const ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"; // nothing that is read as something else

// A pseudonym that says nothing.
function pseudonym() {
  const drawn = crypto.getRandomValues(new Uint8Array(6));
  return `P-${[...drawn].map((one) => ALPHABET[one % ALPHABET.length]).join("")}`;
}

const show = gathered(async () => {
  const { patients } = await get("/patients");
  write(byId("count"), `${patients.filter((one) => one.bed).length} in a bed, ${patients.length} in all`);
  fill(byId("list"), table([
    ["Patient", (one) => h("a", { href: `/patients/${encodeURIComponent(one.subject)}` }, called(one.subject))],
    ["Bed", (one) => (one.bed ? h("a", { href: `/devices/${encodeURIComponent(one.bed)}` }, one.bed) : h("span", { class: "muted" }, "none"))],
    ["Alarms", (one) => (one.bed ? String(one.alarms) : ""), { num: true }],
    ["Recordings", (one) => String(one.recordings), { num: true }],
    ["First", (one) => stamp(one.since)],
    ["Last", (one) => stamp(one.last)],
  ], patients, { empty: "No recording belongs to a patient yet.", label: "Patients" }));
}, 1000);

async function admit(event) {
  event.preventDefault();
  const { device, subject } = form.elements;
  const { patients } = await get("/patients");
  const there = patients.find((one) => one.bed === device.value);
  if (there && !(await sure(`Admit to ${device.value}?`, `${called(there.subject)} lies there and is discharged by that. A new recording begins, with the usual limits.`, "Admit"))) return;
  const done = await order(byId("said"), `/devices/${encodeURIComponent(device.value)}/admit`, { subject: subject.value }, `Admit ${subject.value} to ${device.value}`);
  if (done?.state === "done") form.elements.subject.value = pseudonym();
  show();
}

async function start() {
  show();
  if (!form) return;
  const { devices } = await get("/devices");
  form.elements.device.append(...devices.filter((one) => !one.revoked).map((one) => h("option", {}, one.name)));
  form.elements.subject.value = pseudonym();
  const wanted = new URLSearchParams(location.search).get("bed");
  if (wanted) form.elements.device.value = wanted;
}

form?.addEventListener("submit", admit);
onEvents(["recording.opened", "recording.closed", "subject.assigned", "alarm"], show);
start();
