// Changes one's own password.

import { post } from "./api.js";
import { byId, write } from "./dom.js";

byId("password-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  write(byId("password-error"), "");
  write(byId("password-said"), "");
  const { old, new: fresh, again } = Object.fromEntries(new FormData(form));
  if (fresh !== again) {
    write(byId("password-error"), "The two new passwords differ");
    form.elements.again.select();
    return;
  }
  try {
    await post("/me/password", { old, new: fresh });
    form.reset();
    write(byId("password-said"), "The password is changed.");
    if (byId("must-change")) location.assign("/");
  } catch (error) {
    write(byId("password-error"), error.message);
    form.elements.old.select();
  }
});
