// Buttons for paper speed and gain. What they offer follows the units of the leads that are shown.

import { fill, h } from "./dom.js";
import { paperOf, speedText, speedsFor } from "./papers.js";

// A view is what all strips of a page share: one speed, a gain for each unit, and how a live trace moves.
export const newView = () => ({ speed: null, gains: {}, mode: "sweep" });

function group(label, values, chosen, text, choose) {
  return h("div", { class: "choice", role: "group", "aria-label": label }, values.map((value) => h("button", {
    type: "button", "aria-pressed": String(value === chosen), "data-value": String(value), on: { click: () => choose(value) },
  }, text(value))));
}

export class PaperChoice {
  // `box` gets the buttons; `changed` is called after each choice.
  constructor(box, view, changed = () => {}) {
    Object.assign(this, { box, view, changed, units: [], speeds: [] });
  }

  // Shows which units are used. The first one decides the speed to begin with.
  offer(units) {
    const wanted = [...new Set(units)];
    if (wanted.join() === this.units.join()) return;
    this.units = wanted;
    const { speeds, speed } = speedsFor(wanted);
    this.speeds = speeds;
    if (!this.chosenByHand || !speeds.includes(this.view.speed)) this.view.speed = speed;
    for (const unit of wanted) this.view.gains[unit] ??= paperOf(unit).gain;
    this.show();
  }

  show() {
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset : null;
    const scaled = this.units.filter((unit) => paperOf(unit).gains.length);
    const groups = scaled.map((unit) => {
      const paper = paperOf(unit);
      const made = group(`Gain of leads in ${unit}`, paper.gains, this.view.gains[unit], paper.gainText, (value) => this.gain(unit, value));
      made.dataset.gains = unit;
      return made;
    });
    const speed = group("Paper speed", this.speeds, this.view.speed, speedText, (value) => this.speed(value));
    speed.dataset.speeds = "";
    fill(this.box, this.speeds.length ? speed : null, groups);
    if (focused) this.box.querySelector(`[data-value="${CSS.escape(focused.value)}"]`)?.focus();
  }

  speed(value) {
    this.chosenByHand = true;
    this.view.speed = value;
    this.show();
    this.changed();
  }

  gain(unit, value) {
    this.view.gains[unit] = value;
    this.show();
    this.changed();
  }

  // [ and ] change the speed; + and - make the traces of every unit larger and smaller.
  key(key) {
    if (key === "[") this.speed(near(this.speeds, this.view.speed, -1));
    else if (key === "]") this.speed(near(this.speeds, this.view.speed, 1));
    else if (key === "+" || key === "=") this.grow(1);
    else if (key === "-") this.grow(-1);
    else return false;
    return true;
  }

  grow(by) {
    for (const unit of this.units) {
      const { gains } = paperOf(unit);
      if (gains.length) this.view.gains[unit] = near(gains, this.view.gains[unit], by);
    }
    this.show();
    this.changed();
  }
}

const near = (values, value, by) => values[Math.min(values.length - 1, Math.max(0, values.indexOf(value) + by))];
