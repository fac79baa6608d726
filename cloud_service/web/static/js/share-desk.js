// Links that show a finding without a login, until they end: made, counted and revoked by reviewers.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { stamp } from "./words.js";

const TIMES = [[1, "1 hour"], [24, "1 day"], [72, "3 days"], [168, "7 days"]];

export class ShareDesk {
  constructor(box, finding) {
    this.path = `/findings/${encodeURIComponent(finding)}`;
    this.hours = h("select", { name: "hours" }, TIMES.map(([hours, text]) => h("option", { value: String(hours), selected: hours === 24 }, text)));
    this.made = h("div", { id: "share-made" });
    this.list = h("ul", { class: "stack" });
    this.error = h("small", { class: "error", role: "alert" });
    const form = h("form", { class: "filters", on: { submit: (event) => {
      event.preventDefault();
      this.tried(() => this.share());
    } } }, h("label", {}, "Ends after", this.hours), h("button", {}, "Make a link"));
    fill(box, h("p", { class: "small muted" }, "Whoever has the link, and reaches this address, sees this finding's strip, text and evidence without a login: no device, patient, clock time or comment."), form, this.error, this.made, this.list);
  }

  async tried(act) {
    this.error.textContent = "";
    try {
      await act();
    } catch (trouble) {
      this.error.textContent = trouble.message;
    }
    await this.load().catch((trouble) => { this.error.textContent = trouble.message; });
  }

  async share() {
    const { url, expires } = await post(`${this.path}/share`, { hours: Number(this.hours.value) });
    fill(this.made, h("p", { class: "secret", role: "status" }, h("a", { href: url, target: "_blank", rel: "noopener" }, url), h("span", { class: "of" }, ` ends ${stamp(expires)}. It is shown this once.`)));
  }

  async load() {
    const { shares } = await get(`${this.path}/shares`);
    fill(this.list, shares.map((one) => h("li", { class: "tools inner" }, `Made by ${one.made_by}, ${stamp(one.created)}; ${this.state(one)}; opened ${one.opened === 1 ? "once" : `${one.opened} times`}${one.last_opened ? `, last ${stamp(one.last_opened)}` : ""}.`, this.end(one))));
  }

  state(one) {
    if (one.revoked) return `revoked ${stamp(one.revoked)}`;
    return `${this.isOver(one) ? "ended" : "ends"} ${stamp(one.expires)}`;
  }

  isOver(one) {
    return one.revoked !== null || new Date(one.expires) < new Date();
  }

  end(one) {
    if (this.isOver(one)) return null;
    return h("button", { type: "button", class: "second", "aria-label": `Revoke the link made ${stamp(one.created)}`, on: { click: () => this.tried(() => post(`/shares/${one.row}/revoke`)) } }, "Revoke");
  }
}
