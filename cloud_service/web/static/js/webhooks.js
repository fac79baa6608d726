// For engineers: webhooks, what became of their messages, and those that were given up.

import { get, post } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { secret } from "./secret.js";
import { sure } from "./sure.js";
import { stamp } from "./words.js";

const form = byId("new-webhook");
const EVERY_MS = 5000;
let opened = null; // the webhook whose messages are shown

const say = (text) => write(byId("webhooks-said"), text);
const path = (one) => `/webhooks/${encodeURIComponent(one.name)}`;

// What is shown afterwards is what the clinic has, also where it refused.
async function tried(act) {
  say("");
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
  await show().catch((error) => say(error.message));
}

const button = (one, text, act) => h("button", { type: "button", class: "second", "data-act": `${text} ${one.name}`, "aria-label": `${text}: ${one.name}`, on: { click: () => tried(() => act(one)) } }, text);

async function end(one) {
  if (!(await sure(`End ${one.name}?`, "Nothing is sent to it any more, and what waits is not sent either. Its name is not given again.", "End it"))) return;
  await post(`${path(one)}/end`);
  say(`${one.name} has ended.`);
}

async function again(one) {
  const { messages } = await post(`${path(one)}/resend`);
  say(`${messages} ${messages === 1 ? "message is" : "messages are"} sent again.`);
}

async function test(one) {
  await post(`${path(one)}/test`);
  say(`A test is sent to ${one.name}.`);
}

function acts(one) {
  const open = button(one, "Messages", () => { opened = opened === one.name ? null : one.name; });
  if (one.ended) return h("div", { class: "chips" }, open);
  return h("div", { class: "chips" }, open, button(one, "Test", test), one.dead ? button(one, "Send again", again) : null, button(one, "End", end));
}

function filters(one) {
  const parts = [one.topics, one.priorities, one.devices, one.kinds].filter((names) => names.length).map((names) => names.join(", "));
  return parts.length ? parts.join("; ") : "everything";
}

function state(one) {
  if (one.ended) return `ended ${stamp(one.ended)}`;
  const counts = `${one.waiting} wait, ${one.dead} given up`;
  return one.why && (one.waiting || one.dead) ? h("span", { class: "fail" }, `${counts}: ${one.why}`) : counts;
}

async function showMessages() {
  const box = byId("deliveries");
  box.hidden = !opened;
  if (!opened) return fill(box);
  const { deliveries } = await get(`/webhooks/${encodeURIComponent(opened)}/deliveries?limit=30`);
  fill(box, h("h3", {}, `Messages to ${opened}`), table([
    ["Made", (one) => stamp(one.created)], ["About", (one) => one.topic], ["Device", (one) => one.device ?? ""],
    ["State", (one) => h("span", { class: one.state === "dead" ? "fail" : "" }, one.state === "dead" ? "given up" : one.state)],
    ["Tries", (one) => String(one.tries), { num: true }],
    ["When", (one) => (one.ended ? stamp(one.ended) : `next ${stamp(one.next_try)}`)], ["Why", (one) => one.why],
    ["Content", (one) => h("details", {}, h("summary", {}, `${one.body.length} bytes`), h("pre", { class: "card-text" }, one.body))],
  ], deliveries, { empty: "No message yet.", label: `Messages to ${opened}` }));
}

async function show() {
  const focused = document.activeElement?.dataset?.act;
  const { webhooks } = await get("/webhooks");
  fill(byId("webhooks"), table([
    ["Name", (one) => h("strong", {}, one.name)],
    ["Address", (one) => one.url],
    ["About", filters],
    ["Last delivered", (one) => (one.delivered ? stamp(one.delivered) : "never")],
    ["Messages", state],
    ["Made by", (one) => `${one.made_by}, ${stamp(one.created)}`],
    ["Act", acts],
  ], webhooks, { empty: "There is no webhook yet.", label: "Webhooks" }));
  await showMessages();
  if (focused) document.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
}

const names = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  tried(async () => {
    const { name, url, devices, priority, kinds } = Object.fromEntries(new FormData(form));
    const topics = new FormData(form).getAll("topic");
    const order = ["high", "medium", "low"];
    const priorities = priority ? order.slice(0, order.indexOf(priority) + 1) : [];
    const made = await post("/webhooks", { name, url, topics, priorities, devices: names(devices), kinds: names(kinds) });
    secret("webhook-made", `Messages to ${made.name} are signed with the secret`, made.secret);
    form.reset();
  });
});
// Whoever reads the content of a message is not disturbed.
setInterval(() => { if (!document.hidden && !document.querySelector("#deliveries details[open]")) show().catch((error) => say(error.message)); }, EVERY_MS);
show().catch((error) => say(error.message));
