// One EEG on its sheet: live and swept, held at a page, or a strip that was stored. What is not live says so.

import { h, write } from "./dom.js";
import { EegSheet } from "./eeg-sheet.js";
import { EegSignals } from "./eeg-signals.js";
import { Timeline } from "./timeline.js";
import { age, place } from "./words.js";

const STALE_S = 2.5; // a device sends waves at most 2 s late
const FRAME_MS = 33;
const EVENTS_MS = 500;

export class EegPage {
  // `choices` says how it is drawn; `marks()` gives what lies over it; `moved(from, to)` is told which stretch is shown.
  constructor(box, choices, marks, moved) {
    Object.assign(this, { box, choices, moved, lastWave: null, held: null, stored: null, live: new EegSignals(), timeline: new Timeline() });
    this.over = h("p", { class: "strip-note", hidden: true });
    this.state = h("p", { class: "eeg-state", role: "status" });
    this.caption = h("figcaption", {});
    this.paper = h("div", { class: "paper eeg" }, this.over);
    this.root = h("figure", { class: "strip", "data-unit": "uV" }, this.paper, this.caption);
    this.sheet = new EegSheet(this.paper, choices, this.live, marks);
    box.append(this.state, this.root);
    this.animate();
  }

  get signals() {
    return this.stored?.signals ?? this.live;
  }

  take(wave) {
    const isNewRecording = this.timeline.recording !== null && this.timeline.recording !== wave.recording;
    this.timeline.take(wave);
    if (this.live.take(wave)) this.lastWave = performance.now();
    if (isNewRecording && this.held !== null) this.follow();
  }

  arrange(view) {
    this.signals.arrange(view, this.choices.filters);
  }

  // ---- which page ---------------------------------------------------------------------------------------------------

  get pageS() {
    return this.choices.pageS;
  }

  // A live page begins at a whole page of the recording, as epochs do.
  get from() {
    if (this.stored) return this.stored.from;
    if (this.held !== null) return this.held;
    return Math.max(0, Math.floor((this.timeline.head ?? 0) / this.pageS) * this.pageS);
  }

  get limits() {
    const rings = this.signals.traces.map((one) => one.ring).filter(Boolean);
    if (!rings.length) return null;
    return [Math.min(...rings.map((one) => one.start / one.fsHz)), Math.max(...rings.map((one) => one.end / one.fsHz))];
  }

  hold() {
    if (this.stored) return;
    if (this.held !== null) this.follow();
    else if (this.timeline.head !== null) this.held = this.from;
  }

  follow() {
    this.held = null;
    this.stored = null;
    this.sheet.signals = this.live;
    this.sheet.renew();
  }

  // A page back or on among what is kept; a live page is held by it.
  turn(by) {
    const limits = this.limits;
    if (!limits) return;
    if (!this.stored && this.held === null) this.held = this.from;
    const first = this.stored ? limits[0] : Math.floor(limits[0] / this.pageS) * this.pageS;
    const last = this.stored ? Math.max(first, limits[1] - this.pageS) : Math.floor(limits[1] / this.pageS) * this.pageS;
    const wanted = Math.min(last, Math.max(first, this.from + by * this.pageS));
    if (this.stored) this.stored.from = wanted;
    else this.held = wanted;
  }

  // Shows strips that were stored: waves as the service gives them, `title` says of what.
  store(waves, leads, title, at) {
    const seconds = Math.max(...waves.map((one) => (one.start + one.samples.length) / one.fs_hz)) - Math.min(...waves.map((one) => one.start / one.fs_hz));
    const signals = new EegSignals(seconds + 1);
    signals.isWhole = true;
    for (const wave of waves) {
      signals.know({ ...leads.find((one) => one.name === wave.lead), name: wave.lead, unit: wave.unit, kind: wave.kind, fs_hz: wave.fs_hz });
      signals.take(wave);
    }
    const start = Math.min(...waves.map((one) => one.start / one.fs_hz));
    this.stored = { signals, title, from: Math.max(start, Math.min(at - this.pageS / 4, start + seconds - this.pageS)) };
    this.held = null;
    this.sheet.signals = signals;
    this.sheet.renew();
    return signals;
  }

  // ---- drawing ------------------------------------------------------------------------------------------------------

  animate() {
    let [before, events] = [performance.now(), 0];
    const frame = (now) => {
      requestAnimationFrame(frame);
      if (now - before < FRAME_MS) return;
      this.timeline.advance(Math.min(0.5, (now - before) / 1000));
      before = now;
      this.draw();
      if (now - events > EVENTS_MS) {
        events = now;
        this.sheet.drawEvents();
        this.note();
        this.moved(this.from, this.from + this.pageS);
      }
    };
    requestAnimationFrame(frame);
  }

  draw() {
    const signals = this.signals;
    if (!this.stored) this.live.advance();
    if (!signals.traces.length) return;
    const isLive = !this.stored && this.held === null;
    const head = this.timeline.head;
    if (isLive && head === null) return this.sheet.draw(0, 0);
    this.sheet.draw(this.from, isLive ? head : null);
  }

  note() {
    const silent = this.lastWave === null ? null : (performance.now() - this.lastWave) / 1000;
    const isStale = !this.stored && (silent === null || silent > STALE_S);
    this.root.classList.toggle("stale", isStale);
    this.root.classList.toggle("past", Boolean(this.stored) || this.held !== null);
    this.over.hidden = !isStale;
    if (isStale) write(this.over, silent === null ? "Waiting for the device" : `No signal: the newest sample came ${age(silent)}`);
    write(this.state, this.stateText(isStale));
    this.state.dataset.state = this.stored ? "stored" : this.held !== null ? "held" : isStale ? "stale" : "live";
    const at = this.sheet.at;
    if (at) write(this.caption, this.captionText(at));
  }

  stateText(isStale) {
    const [from, to] = [place(this.from, 1), place(this.from + this.pageS, 1)];
    if (this.stored) return `Stored, not live: ${this.stored.title}, ${from} to ${to} of the recording`;
    if (this.held !== null) return `Held, not live: ${from} to ${to} of the recording`;
    return isStale ? "No signal" : `Live, ${place(this.timeline.head ?? 0, 1)} of the recording`;
  }

  captionText(at) {
    const { lowCut, highCut, notch } = this.choices.filters;
    const filters = [lowCut && `low cut ${lowCut} Hz`, highCut && `high cut ${highCut} Hz`, notch && `notch ${notch} Hz`].filter(Boolean);
    const montage = this.choices.montage?.label ?? "as recorded";
    const awaited = Math.max(0, ...this.signals.traces.map(({ ring }) => (ring ? ring.awaited(this.from * ring.fsHz, (this.from + this.pageS) * ring.fsHz) / ring.fsHz : 0)));
    const missed = awaited >= 0.05 && !this.stored ? ` ${awaited.toFixed(1)} s of this page not received.` : "";
    return `${montage}, ${at.sensitivity} \u00b5V/mm, ${at.pageS} s page, ${at.mmPerS.toFixed(0)} mm/s on this screen, ${filters.join(", ") || "no filter"} for this view only. Lt, Rt, Mid: the side of the head. Negative is upwards, of an ECG positive.${missed}`;
  }
}
