// Shows a password that is shown once.

import { byId, fill, h } from "./dom.js";

export function secret(place, text, password) {
  fill(byId(place), h("p", { class: "secret", role: "status" }, `${text} `, h("code", {}, password), h("span", { class: "of" }, " It is shown this once.")));
}
