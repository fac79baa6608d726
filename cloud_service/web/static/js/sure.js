// Asks before something that others will feel; the page has the dialog.

import { byId, write } from "./dom.js";

export function sure(title, what, yes) {
  write(byId("sure-h"), title);
  write(byId("sure-what"), what);
  write(byId("sure-yes"), yes);
  const dialog = byId("sure");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}
