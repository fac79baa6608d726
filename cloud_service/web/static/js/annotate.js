// Annotating a recording: a reader goes from mark to mark by key, says what each is, moves, adds, removes, and takes back.
// Each change is kept by the service; what is here is gone through again after a reload.

import { get, me, post } from "./api.js";
import { NEAR_S, drawn, ofReader, placed, thingsOf, unitsFor } from "./annotate-marks.js";
import { showChanges, showKinds, showLabels } from "./annotate-panel.js";
import { NEW_S, follow } from "./annotate-pointer.js";
import { byId, fill, h, write } from "./dom.js";
import { labelFor } from "./review-keys.js";
import { capital, markWords, place } from "./words.js";

const NUDGE_S = 0.01;
const REST_MS = 700; // a mark that is moved is kept once it rests

export class Annotator {
  // `page` is the page of the waves: leads, samples, marks of the device, and where it is.
  constructor(page) {
    Object.assign(this, { page, isOn: false, mine: [], others: [], other: "", history: [], chosen: null, cursor: null, moved: null, wish: 0 });
    this.units = unitsFor(page.facts().leads);
    [this.unit] = this.units;
    this.busy = Promise.resolve();
    byId("annotating").hidden = !this.units.length;
    for (const [name, act] of [["add", () => this.begin()], ["confirm", () => this.confirm()], ["remove", () => this.remove()], ["undo", () => this.undo()]]) {
      byId(`annotate-${name}`).addEventListener("click", () => this.inTurn(act));
    }
    byId("annotate").addEventListener("click", () => this.toggle());
    byId("annotate-other").addEventListener("change", (event) => this.inTurn(() => this.showOther(event.target.value)));
    this.inTurn(() => this.load());
  }

  // One thing at a time, in the order of the keys.
  inTurn(act) {
    this.busy = this.busy.then(act).catch((error) => this.say(error.message));
    return this.busy;
  }

  say(text) {
    write(byId("annotated"), text);
  }

  async load() {
    const said = await get(`${this.page.path}/annotations`);
    this.mine = said.annotations.map(ofReader);
    this.history = (await get(`${this.page.path}/annotations?history=true`)).annotations;
    this.offerOthers(said.readers.filter((one) => one !== me.name));
    this.show();
  }

  offerOthers(readers) {
    const box = byId("annotate-other");
    fill(box, h("option", { value: "" }, "nobody else"), readers.map((one) => h("option", { value: one }, one)));
    box.value = this.other;
    box.disabled = !readers.length;
  }

  async showOther(reader) {
    [this.other, this.others] = ["", []];
    if (reader) {
      this.others = (await get(`${this.page.path}/annotations?reader=${encodeURIComponent(reader)}`).catch((error) => {
        byId("annotate-other").value = "";
        throw error;
      })).annotations.map(ofReader);
      this.other = reader;
    }
    this.show();
  }

  toggle(isOn = !this.isOn) {
    this.isOn = isOn;
    if (isOn && !this.page.isStrip()) this.page.showStrip();
    [this.chosen, this.cursor] = [null, null];
    if (isOn) this.next(1);
    else this.say("");
    this.show();
  }

  // ---- what there is ------------------------------------------------------------------------------------------------

  get range() {
    const from = this.page.shownFrom;
    return [from, Math.min(from + this.page.lengthS, this.page.end)];
  }

  things() {
    const [from, to] = this.range;
    const mine = this.mine.filter((one) => one.to >= from && one.from < to);
    return thingsOf(this.unit, mine, this.page.packed(from, to)).filter((one) => one.from >= from || one.to > from);
  }

  get target() {
    const one = this.things().find((thing) => thing.key === this.chosen) ?? null;
    return one && this.moved?.key === one.key ? { ...one, from: this.moved.from, to: this.moved.to } : one;
  }

  // What is drawn on a stretch besides what the device said.
  marks(from, to) {
    this.fulfil();
    const isHere = (one) => one.to >= from && one.from < to;
    const of = this.others.filter(isHere).map((one) => drawn(one, this.other));
    const target = this.isOn ? this.target : null;
    if (this.isOn) this.notice();
    const mine = this.mine.filter(isHere).filter((one) => one.key !== target?.key).map((one) => drawn(one, "you"));
    if (target) mine.push(drawn(target.isMine ? target : { ...target, label: `${target.label}?` }, "you", true));
    if (this.isOn && this.cursor) mine.push(drawn({ ...this.unit, ...this.cursor, leads: this.leads().names, label: "+" }, "you", true));
    return [...of, ...mine];
  }

  // What could not be seen may have been drawn since.
  notice() {
    const isSeen = Boolean(this.said && this.isSeen(this.said));
    if (isSeen === this.wasSeen) return;
    this.wasSeen = isSeen;
    showLabels(this);
  }

  // What a word would be about.
  get said() {
    return this.cursor ? { ...this.cursor, leads: this.leads().names } : this.target;
  }

  // The leads of a new mark, and their rate: those on which the device says such marks, else the one that is shown.
  leads() {
    const facts = this.page.facts();
    const rate = (name) => facts.leads.find((one) => one.name === name)?.fs_hz ?? facts.fs_hz;
    const like = [...this.mine, ...this.page.packed(...this.range)].find((one) => one.task === this.unit.task && one.kind === this.unit.kind);
    const names = like?.leads ?? [this.page.lead.name];
    return { names, fsHz: rate(names[0]) };
  }

  // Whether a reader sees what is about to be said: the strip there is drawn, with valid signal.
  isSeen({ from, to, leads }) {
    const names = this.page.leads.map((one) => one.name).filter((one) => leads.includes(one));
    return this.page.isStrip() && names.some((lead) => this.page.store.samples(lead, from - NEAR_S, to + NEAR_S).pieces.some((piece) => {
      const first = Math.max(0, Math.ceil((from - NEAR_S) * piece.fs_hz) - piece.start);
      const last = Math.floor((to + NEAR_S) * piece.fs_hz) + 1 - piece.start;
      return last > first && piece.samples.slice(first, last).some((value) => value !== null);
    }));
  }

  // ---- going about --------------------------------------------------------------------------------------------------

  choose(thing) {
    [this.chosen, this.cursor] = [thing.key, null];
    this.tell();
    this.show();
  }

  // The next mark, or the one before; where the strip ends, the page goes on until there is one.
  next(by) {
    const things = this.things();
    const here = this.target?.from ?? this.cursor?.from ?? (by > 0 ? -Infinity : Infinity);
    const ahead = things.filter((one) => (by > 0 ? one.from > here + 1e-6 : one.from < here - 1e-6));
    if (ahead.length) return this.choose(by > 0 ? ahead[0] : ahead.at(-1));
    const [from, to] = this.range;
    if (by > 0 ? to >= this.page.end : from <= 0) return this.say(by > 0 ? "This is the last one." : "This is the first one.");
    this.cursor = null;
    this.wish = by;
    this.passed = here;
    return this.page.goTo(from + by * this.page.lengthS * 0.8);
  }

  // After the page went on: the first mark that was not passed yet, once the device's marks are here.
  fulfil() {
    if (!this.wish) return;
    const by = this.wish;
    const ahead = this.things().filter((one) => (by > 0 ? one.from > this.passed + 1e-6 : one.from < this.passed - 1e-6));
    if (!ahead.length) return;
    this.wish = 0;
    this.choose(by > 0 ? ahead[0] : ahead.at(-1));
  }

  // A new mark: in the middle between this one and the next, to be moved and then called by a key.
  begin(from = null, to = from) {
    const [first, last] = this.range;
    const things = this.things();
    const target = this.target;
    const after = target && things.find((one) => one.from > target.from + 1e-6);
    const middle = target ? (target.to + (after?.from ?? last)) / 2 : (first + last) / 2;
    const begun = from ?? middle;
    this.chosen = null;
    this.cursor = placed(this.unit, begun, to ?? begun + (this.unit.span_s === 0 ? NEW_S : 0));
    this.tell();
    this.show();
  }

  nudge(of, by) {
    const fixed = this.unit.span_s;
    if (fixed) return this.say(`${capital(this.words().plural)} lie where they lie: say what each is.`);
    const one = this.cursor ?? this.target;
    if (!one || (!this.cursor && one.label === null)) return null;
    const edges = fixed === null ? ["from", "to"] : [of];
    const next = { from: one.from, to: one.to };
    for (const edge of edges) next[edge] = Math.max(0, Math.min(this.page.end, next[edge] + by));
    if (fixed === 0 && next.to - next.from < NUDGE_S) return null;
    this.place(next);
    return this.tell();
  }

  place(next) {
    if (this.cursor) this.cursor = next;
    else {
      this.moved = { key: this.chosen, ...next };
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.inTurn(() => this.keepMoved()), REST_MS);
    }
    this.page.redraw();
  }

  // ---- saying -------------------------------------------------------------------------------------------------------

  words() {
    return markWords(this.unit.task, this.unit.kind);
  }

  tell() {
    const one = this.said;
    if (!one) return this.say("");
    const seconds = one.to > one.from ? `, ${(one.to - one.from).toFixed(1)} s` : "";
    const said = this.cursor ? "new: its key says what it is" : one.label === null ? "removed by you" : one.isMine ? `${one.label} by you${one.deviceLabel && one.deviceLabel !== one.label ? `, ${one.deviceLabel} by the device` : ""}` : `${one.label} by the device`;
    return this.say(`${capital(this.words().label)} at ${place(one.from, 1, 2)}${seconds}: ${said}. ${this.isSeen(one) ? "" : this.whyDead()}`.trim());
  }

  whyDead() {
    return "Its strip is not drawn yet: nothing can be said of it until it is seen.";
  }

  async label(name) {
    await this.keepMoved();
    const target = this.target;
    if (!target && !this.cursor) return this.say(`Choose ${this.words().plural} with the arrows, or press a for a new one.`);
    if (target) return this.send("change", target, name);
    const { names, fsHz } = this.leads();
    const start = Math.round(this.cursor.from * fsHz);
    const made = { ...this.unit, ...this.cursor, leads: names, start, end: Math.max(start, Math.round(this.cursor.to * fsHz)), item: null, origin: null };
    return this.send("add", made, name);
  }

  confirm() {
    const target = this.target;
    if (!target || !this.unit.labels.some((one) => one.name === target.label)) return this.say("There is no label here to confirm.");
    return this.label(target.label);
  }

  async remove() {
    await this.keepMoved();
    const target = this.target;
    if (!target || target.label === null) return this.say("Choose what is to be removed with the arrows.");
    return this.send("remove", target, null);
  }

  async keepMoved() {
    clearTimeout(this.resting);
    const { moved } = this;
    if (!moved) return null;
    const one = this.things().find((thing) => thing.key === moved.key);
    this.moved = null;
    if (!one || !this.unit.labels.some((known) => known.name === one.label)) return this.say("Say what it is before you move it.");
    const [start, end] = [Math.round(moved.from * one.fsHz), Math.round(moved.to * one.fsHz)];
    if (start === one.start && end === one.end) return null;
    const { chosen, cursor } = this; // the reader may have gone on meanwhile
    const kept = await this.send("change", { ...one, start, end, from: moved.from, to: moved.to }, one.label);
    if (chosen !== moved.key) {
      [this.chosen, this.cursor] = [chosen, cursor];
      this.tell();
      this.show();
    }
    return kept;
  }

  async send(act, one, name) {
    if (!this.isSeen(one)) return this.say(this.whyDead());
    const said = { act, task: this.unit.task, kind: this.unit.kind, leads: one.leads, item: one.isMine ? one.item : null, origin: one.isMine ? null : one.origin, start: one.start, end: one.end, label: name, comment: byId("annotate-comment").value };
    const made = ofReader(await post(`${this.page.path}/annotations`, said));
    [this.chosen, this.cursor] = [act === "remove" && made.origin === null ? null : made.key, null];
    await this.load();
    return this.say(`${capital(this.words().label)} at ${place(made.from, 1, 2)}: ${act === "remove" ? "removed" : [name, this.unit.labels.find((known) => known.name === name)?.meaning].filter(Boolean).join(", ")}.`);
  }

  async undo() {
    await this.keepMoved();
    if (byId("annotate-undo").disabled) return this.say("There is nothing of yours to undo on this recording.");
    const back = ofReader(await post(`${this.page.path}/annotations/undo`));
    this.unit = this.units.find((one) => one.task === back.task && one.kind === back.kind) ?? this.unit;
    await this.load();
    const [from, to] = this.range;
    if (back.from < from || back.from >= to) this.page.goTo(back.from - this.page.lengthS / 4);
    [this.chosen, this.cursor] = [back.key, null];
    this.show();
    return this.say(`Undone: ${this.words().label} at ${place(back.from, 1, 2)}.`);
  }

  // ---- keys and pointer ---------------------------------------------------------------------------------------------

  // Whether a key was meant for the annotation.
  key(event) {
    const { key } = event;
    if (!this.units.length) return false;
    if (!this.isOn) {
      if (key === "e") this.toggle();
      return key === "e";
    }
    const one = key.length === 1 ? labelFor(this.unit.labels, key) : null;
    const act = one ? () => this.label(one.name) : this.meant(event);
    if (act) this.inTurn(act);
    return Boolean(act);
  }

  meant({ key, shiftKey }) {
    const moves = { ArrowLeft: ["to", -NUDGE_S], ArrowRight: ["to", NUDGE_S], ArrowUp: ["from", NUDGE_S], ArrowDown: ["from", -NUDGE_S] };
    if (shiftKey && moves[key]) return () => this.nudge(...moves[key]);
    return {
      ArrowLeft: () => this.next(-1), ArrowRight: () => this.next(1), Delete: () => this.remove(), Backspace: () => this.remove(), a: () => this.begin(),
      c: () => this.confirm(), u: () => this.undo(), k: () => this.change(this.units[(this.units.indexOf(this.unit) + 1) % this.units.length]), e: () => this.toggle(false), Escape: () => this.toggle(false),
    }[key];
  }

  // A click chooses or begins, a drag moves or draws; true where the pointer is ours.
  pointer(strip, event) {
    if (this.isOn) follow(this, strip, event);
    return this.isOn;
  }

  change(unit) {
    [this.unit, this.chosen, this.cursor, this.moved] = [unit, null, null, null];
    this.next(1);
    this.show();
  }

  // ---- showing ------------------------------------------------------------------------------------------------------

  show() {
    byId("annotate").setAttribute("aria-pressed", String(this.isOn));
    byId("annotate").className = this.isOn ? "" : "second";
    byId("annotate-tools").hidden = !this.isOn;
    byId("changes-part").hidden = !this.isOn && !this.history.length;
    showKinds(this);
    showLabels(this);
    showChanges(this);
    this.page.redraw();
  }
}
