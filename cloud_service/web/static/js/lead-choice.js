// Which leads of a bed are shown live in this browser. One that is new is shown; the last one cannot be hidden.

import { byId, fill, h } from "./dom.js";

export class LeadChoice {
  constructor(device) {
    this.key = `bedside-leads-${device}`;
    this.hidden = new Set(JSON.parse(localStorage.getItem(this.key) ?? "[]"));
    this.boxes = new Map();
  }

  // Offers the leads of these strips, by name, and shows those that are chosen.
  offer(strips) {
    this.strips = strips;
    byId("choose-leads").hidden = strips.size < 2;
    for (const name of strips.keys()) if (!this.boxes.has(name)) this.boxes.set(name, this.box(name));
    fill(byId("lead-boxes"), byId("lead-boxes").querySelector("legend"), [...this.boxes.values()].map((one) => one.label));
    this.apply();
  }

  box(name) {
    const input = h("input", { type: "checkbox", on: { change: () => this.choose(name, input.checked) } });
    return { input, label: h("label", { class: "inline" }, input, name) };
  }

  choose(name, isShown) {
    if (isShown) this.hidden.delete(name);
    else this.hidden.add(name);
    localStorage.setItem(this.key, JSON.stringify([...this.hidden]));
    this.apply();
  }

  apply() {
    const shown = [...this.strips.keys()].filter((name) => !this.hidden.has(name));
    const forced = shown.length ? null : this.strips.keys().next().value; // a bed without a trace would look like one that is away
    for (const [name, strip] of this.strips) {
      const isShown = shown.includes(name) || name === forced;
      strip.root.hidden = !isShown;
      Object.assign(this.boxes.get(name).input, { checked: isShown, disabled: isShown && (shown.length < 2) });
    }
  }

  shown(strips) {
    return [...strips.values()].filter((one) => !one.root.hidden);
  }
}
