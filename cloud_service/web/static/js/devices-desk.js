// For engineers: every device with what it is; for administrators: a new one, a new password, shut out, forgotten.

import { covers, get, post } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { gathered } from "./feed.js";
import { modelText, modelsOf } from "./readings.js";
import { secret } from "./secret.js";
import { sure } from "./sure.js";
import { stamp, taskLabel } from "./words.js";

const EVERY_MS = 5000;
const CLOCK_S = 5; // further off than that the times on paper are not those of the ward
const LITTLE_MB = 500;
const DAY_MS = 86_400_000;
const MONTH_MS = 30 * DAY_MS;

const say = (text) => write(byId("devices-said"), text);
const path = (one, act) => `/devices/${encodeURIComponent(one.device.name)}/${act}`;
const failing = (text, isBad) => (isBad ? h("span", { class: "fail" }, text) : text);

// What is shown afterwards is what the clinic has, also where it refused.
async function tried(act) {
  say("");
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
  await show();
}

// ---- what a device is -----------------------------------------------------------------------------------------------

function state({ device }) {
  if (device.revoked) return "shut out";
  if (device.online) return "online";
  return device.last_seen === null ? "never seen" : device.said_goodbye ? "stopped" : "offline";
}

function clockText({ device }) {
  const ahead = device.clock_ahead_s;
  if (ahead === null) return "";
  const text = Math.abs(ahead) < 1 ? "right" : `${Math.abs(ahead).toFixed(0)} s ${ahead > 0 ? "ahead" : "behind"}`;
  return failing(text, Math.abs(ahead) > CLOCK_S);
}

function diskText({ device }) {
  const free = device.disk_free_mb;
  return free === null ? "" : failing(free < 10_000 ? `${free} MB free` : `${(free / 1000).toFixed(0)} GB free`, free < LITTLE_MB);
}

function certificateText({ device }, now) {
  if (!device.certificate_ends) return "";
  const left = Date.parse(device.certificate_ends) - Date.parse(now);
  const day = device.certificate_ends.slice(0, 10);
  return failing(left < 0 ? `ended ${day}` : `ends ${day}`, left < MONTH_MS);
}

function passwordText(one, now) {
  if (!one.device.has_credentials) return "none";
  if (!one.password_given) return "";
  const days = Math.floor((Date.parse(now) - Date.parse(one.password_given)) / DAY_MS);
  return `${days === 0 ? "today" : days === 1 ? "1 day old" : `${days} days old`}, by ${one.password_by}`;
}

function models({ device }) {
  const all = modelsOf(device);
  if (!all.length) return "";
  return h("details", {}, h("summary", {}, `${all.length}`), h("ul", {}, all.map((one) => h("li", {}, `${one.label || taskLabel(one.task)}: ${modelText(one)}`))));
}

// ---- what is done with it -------------------------------------------------------------------------------------------

function given(made) {
  secret("made-device", `The device ${made.device} of site ${made.site} logs in to the broker as ${made.username} with the password`, made.password);
}

const button = (one, text, act) => h("button", { type: "button", class: "second", "data-act": `${text} ${one.device.name}`, "aria-label": `${text}: ${one.device.name}`, on: { click: () => tried(() => act(one)) } }, text);

async function renew(one) {
  const { name, revoked } = one.device;
  const what = revoked ? "It is let in again, with a new password, which is shown here once." : "Its old password ends: nothing of it reaches the clinic until the new one, which is shown here once, is in its settings.";
  if (!(await sure(`A new password for ${name}?`, what, "Make a password"))) return;
  given(await post(path(one, "renew")));
}

async function revoke(one) {
  const { name } = one.device;
  if (!(await sure(`Shut ${name} out?`, "The broker takes it in no more, and its bed is not watched here. What it sent stays.", `Shut ${name} out`))) return;
  await post(path(one, "revoke"));
  say(`${name} is shut out.`);
}

async function remove(one) {
  const { name } = one.device;
  if (!(await sure(`Forget ${name}?`, "It is taken off the list. That is possible only while nothing of it is stored.", `Forget ${name}`))) return;
  await post(path(one, "remove"));
  say(`${name} is forgotten.`);
}

function acts(one) {
  return h("div", { class: "chips" }, button(one, "New password", renew), one.device.revoked ? null : button(one, "Shut out", revoke), one.device.recording ? null : button(one, "Forget", remove));
}

// ---- the list -------------------------------------------------------------------------------------------------------

const show = gathered(async () => {
  const focused = document.activeElement?.dataset?.act;
  const { devices, now } = await get("/device-register");
  const columns = [
    ["Name", (one) => h("a", { href: `/devices/${encodeURIComponent(one.device.name)}` }, one.device.name)],
    ["Site", (one) => one.device.site],
    ["State", (one) => h("span", { class: "online", "data-state": one.device.online ? "online" : "offline" }, state(one))],
    ["Last heard", (one) => (one.device.last_seen ? stamp(one.device.last_seen) : "")],
    ["Version", (one) => one.device.version ?? ""],
    ["Models", models],
    ["Clock", clockText],
    ["Unsent", (one) => (one.device.outbox === null ? "" : String(one.device.outbox)), { num: true }],
    ["Disk", diskText],
    ["Certificate", (one) => certificateText(one, now)],
    ["Password", (one) => passwordText(one, now)],
    ...(covers("admin") ? [["Act", acts]] : []),
  ];
  fill(byId("devices"), table(columns, devices, { empty: "There is no device yet.", label: "Devices" }));
  if (focused) document.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
});

byId("new-device")?.addEventListener("submit", (event) => {
  event.preventDefault();
  tried(async () => {
    given(await post("/devices", Object.fromEntries(new FormData(event.target))));
    event.target.reset();
  });
});
// Whoever reads which models a device has is not disturbed.
setInterval(() => { if (!document.hidden && !document.querySelector("#devices details[open]")) show(); }, EVERY_MS);
show();
