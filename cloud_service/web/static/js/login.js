// Logs in and goes on to where the person wanted to be.

import { post } from "./api.js";
import { byId, write } from "./dom.js";

const wanted = new URLSearchParams(location.search).get("next") ?? "/";
const next = new URL(wanted, location.origin);
const target = next.origin === location.origin && wanted.startsWith("/") ? next.pathname + next.search : "/";

async function enter(path, body) {
  write(byId("login-error"), "");
  try {
    await post(path, body);
    location.assign(target);
  } catch (error) {
    write(byId("login-error"), error.message);
    byId("login-form").elements.password.select();
  }
}

byId("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter("/login", Object.fromEntries(new FormData(event.target)));
});
byId("demo-login")?.addEventListener("click", () => enter("/login/demo"));
