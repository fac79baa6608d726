// For engineers: tokens for programs.

import { get, post } from "./api.js";
import { byId, fill, h, table, write } from "./dom.js";
import { secret } from "./secret.js";
import { sure } from "./sure.js";
import { stamp } from "./words.js";

const say = (text) => write(byId("tokens-said"), text);

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

function state(token) {
  if (token.revoked) return `revoked ${stamp(token.revoked)}`;
  return `${new Date(token.expires) < new Date() ? "ended" : "until"} ${stamp(token.expires)}`;
}

function revoke(token) {
  if (token.revoked || new Date(token.expires) < new Date()) return null;
  return h("button", { type: "button", class: "second", "aria-label": `Revoke: ${token.name}`, on: { click: () => tried(async () => {
    if (!(await sure(`Revoke ${token.name}?`, "The program that has this token is shut out at once, and for good.", "Revoke it"))) return;
    await post(`/tokens/${encodeURIComponent(token.name)}/revoke`);
    say(`${token.name} is revoked.`);
  }) } }, "Revoke");
}

async function show() {
  const { tokens } = await get("/tokens");
  fill(byId("tokens"), table([
    ["Name", (one) => h("strong", {}, one.name)],
    ["Role", (one) => one.role],
    ["Holds", state],
    ["Last used", (one) => (one.last_used ? stamp(one.last_used) : "never")],
    ["Made by", (one) => `${one.made_by}, ${stamp(one.created)}`],
    ["End", revoke],
  ], tokens, { empty: "There is no token yet.", label: "Tokens" }));
}

byId("new-token").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  tried(async () => {
    const { name, role, days } = Object.fromEntries(new FormData(form));
    const made = await post("/tokens", { name, role, days: Number(days) });
    secret("token-made", `A program sends as ${made.name} (${made.role}) the header Authorization: Bearer`, made.token);
    form.reset();
  });
});
show().catch((error) => say(error.message));
