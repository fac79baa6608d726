// Twelve leads live as they stand on paper: three rows of four, and the rhythm of one lead below.

import { byId } from "./dom.js";
import { LiveStrip } from "./live-strip.js";

const ROWS = [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]];
const RHYTHM = "II";
const KEPT = "bedside-twelve";
const plain = (name) => name.toLowerCase();
const PLACES = new Map(ROWS.flat().map((name, at) => [plain(name), at]));

export class TwelveLive {
  // `changed` is called when the page shows twelve leads, or each by itself again.
  constructor(view, timeline, changed) {
    Object.assign(this, { view, timeline, changed, rhythm: null, known: new Map() });
    this.button = byId("twelve");
    this.button.addEventListener("click", () => {
      localStorage.setItem(KEPT, this.isOn ? "off" : "on");
      this.arrange();
      this.changed();
    });
  }

  // The layout is offered once all twelve are there.
  offer(strips) {
    for (const [name, strip] of strips) if (PLACES.has(plain(name))) this.known.set(plain(name), strip);
    this.strips = strips;
    if (!this.rhythm && this.isWhole) this.rhythm = new LiveStrip(this.known.get(plain(RHYTHM)).lead, this.view, this.timeline);
    this.button.hidden = !this.isWhole;
    this.arrange();
  }

  get isWhole() {
    return this.known.size === PLACES.size;
  }

  get isOn() {
    return this.isWhole && localStorage.getItem(KEPT) !== "off";
  }

  take(wave) {
    if (this.rhythm?.lead.name === wave.lead) this.rhythm.take(wave);
  }

  lose(lead, from, to) {
    if (this.rhythm?.lead.name === lead) this.rhythm.lose(from, to);
  }

  arrange() {
    this.button.setAttribute("aria-pressed", String(this.isOn));
    byId("strips").classList.toggle("twelve", this.isOn);
    byId("choose-leads").classList.toggle("is-off", this.isOn);
    for (const [name, strip] of this.strips) {
      strip.root.style.order = this.isOn ? String(PLACES.get(plain(name)) ?? PLACES.size) : "";
      if (this.isOn) strip.root.hidden = !PLACES.has(plain(name));
    }
    if (!this.rhythm) return;
    this.rhythm.root.classList.add("long-strip");
    this.rhythm.root.style.order = String(PLACES.size + 1);
    if (this.isOn) byId("strips").append(this.rhythm.root);
    else this.rhythm.root.remove();
  }

  shown() {
    return [...this.known.values(), this.rhythm];
  }
}
