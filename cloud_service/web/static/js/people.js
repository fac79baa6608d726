// For administrators: the accounts of people.

import { ROLES, get, me, post } from "./api.js";
import { byId, fill, h, write } from "./dom.js";
import { secret } from "./secret.js";
import { sure } from "./sure.js";
import { stamp } from "./words.js";

const say = (text) => write(byId("said"), text);
const path = (user, act) => `/users/${encodeURIComponent(user.name)}/${act}`;

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

async function show() {
  const { users } = await get("/users");
  fill(byId("users"), users.map((one) => h("li", { class: "account" },
    h("div", { class: "account-who" }, h("strong", {}, one.name), h("span", { class: "of" }, `made ${stamp(one.created)}`)),
    role(one),
    h("span", { class: one.disabled ? "account-state fail" : "account-state" }, one.disabled ? `disabled ${stamp(one.disabled)}` : "open"),
    h("div", { class: "alarm-acts" }, ...acts(one)))));
}

function role(user) {
  const choice = h("select", { "aria-label": `Role of ${user.name}`, disabled: user.name === me.name, on: { change: () => tried(async () => {
    await post(path(user, "role"), { role: choice.value });
    say(`${user.name} is ${choice.value}.`);
  }) } }, ROLES.map((one) => h("option", { selected: one === user.role }, one)));
  return choice;
}

function acts(user) {
  const button = (text, act) => h("button", { type: "button", class: "second", "aria-label": `${text}: ${user.name}`, on: { click: () => tried(act) } }, text);
  const reset = button("New password", async () => {
    if (!(await sure(`Reset the password of ${user.name}?`, `${user.name} is logged out everywhere and gets a new password, which is shown here once and has to be changed at the next login.`, "Reset it"))) return;
    const made = await post(path(user, "reset"));
    secret("made", `${made.name} logs in with the password`, made.password);
  });
  if (user.name === me.name) return [h("a", { href: "/account" }, "Your account")]; // nobody shuts himself out by a slip
  if (user.disabled) {
    return [button("Enable", async () => {
      await post(path(user, "enable"));
      say(`${user.name} may log in again.`);
    }), reset];
  }
  return [button("Disable", async () => {
    if (!(await sure(`Disable ${user.name}?`, `${user.name} is logged out everywhere and cannot log in until the account is enabled again.`, `Disable ${user.name}`))) return;
    await post(path(user, "disable"));
    say(`${user.name} is disabled.`);
  }), reset];
}

byId("new-user").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  tried(async () => {
    const made = await post("/users", Object.fromEntries(new FormData(form)));
    secret("made", `${made.name} (${made.role}) logs in with the password`, made.password);
    form.reset();
  });
});
show().catch((error) => say(error.message));
