// What waits for a reader, by what the filters ask for: what teaches most first, and who is reading which just now.

import { get, post } from "./api.js";
import { byId, h, write } from "./dom.js";
import { KINDS, TASKS, clock, kindLabel, taskLabel } from "./words.js";

export class ReviewQueue {
  // `changed` is called when the filters ask for something else.
  constructor(changed) {
    Object.assign(this, { form: byId("filters"), held: null, why: new Map() });
    this.form.addEventListener("change", changed);
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  async start() {
    const { devices } = await get("/devices");
    const { task, kind, device } = this.form.elements;
    task.append(...Object.keys(TASKS).filter((name) => TASKS[name].review).map((name) => h("option", { value: name }, taskLabel(name))));
    kind.append(...Object.keys(KINDS).filter((name) => !KINDS[name].technical).map((name) => h("option", { value: name }, kindLabel(name))));
    device.append(...devices.map((one) => h("option", {}, one.name)));
    for (const [name, value] of new URLSearchParams(location.search)) if (this.form.elements[name]) this.form.elements[name].value = value;
  }

  // The findings in their order, and in the address what was asked for.
  async read() {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) if (value) asked.set(name, value);
    const first = new URLSearchParams(location.search).get("finding");
    const { waiting } = await get(`/review-queue?${asked}`);
    if (first) asked.set("finding", first);
    history.replaceState(null, "", `?${asked}`);
    this.why = new Map(waiting.map((one) => [one.finding, one.why]));
    return waiting.map((one) => one.finding);
  }

  // Says that a finding is being read, and lets go of the one before; what another reads is said and not forbidden.
  async take(finding) {
    const before = this.held;
    this.held = finding;
    if (before && before !== finding) post(`/findings/${encodeURIComponent(before)}/release`).catch(() => {});
    const claim = await post(`/findings/${encodeURIComponent(finding)}/claim`).catch(() => null);
    if (this.held !== finding) return;
    const why = this.why.has(finding) ? `In the queue: ${this.why.get(finding)}. ` : "";
    write(byId("claimed"), `${why}${claim && !claim.mine ? `${claim.reader} is reading this one, until ${clock(claim.until)} at the latest; n goes on.` : ""}`);
  }
}
