// The samples behind an EEG page: leads as they came, and the traces of a montage made of them and filtered.

import { makeFilter } from "./display-filters.js";
import { WaveRing } from "./wave-ring.js";

export const KEPT_S = 120;
const ALONE_S = 3; // a lead that far behind has stopped: it must not hold the others up
const EEG = "eeg";
const BESIDE = ["eog", "emg", "ecg"]; // drawn below the EEG, in this order

export class EegSignals {
  constructor(keptS = KEPT_S) {
    Object.assign(this, { keptS, leads: new Map(), rings: new Map(), traces: [], arranged: 0, isWhole: false, isFilled: false, recording: null, end: null });
  }

  // Notes what is known of a lead {name, unit, kind, fs_hz?}; says whether that was new.
  know(lead) {
    const known = this.leads.get(lead.name);
    const made = { ...known, ...lead };
    this.leads.set(lead.name, made);
    return !known || known.kind !== made.kind || known.unit !== made.unit || known.fs_hz !== made.fs_hz;
  }

  take(wave) {
    if (this.recording !== wave.recording) {
      Object.assign(this, { recording: wave.recording, end: null });
      this.rings.clear();
      for (const one of this.traces) one.ring = null;
    }
    const ring = this.rings.get(wave.lead);
    if (ring?.fsHz === wave.fs_hz) return this.write(ring, wave);
    const made = new WaveRing(wave.recording, wave.fs_hz, this.keptS);
    this.rings.set(wave.lead, made);
    return this.write(made, wave);
  }

  // What was sent once more, or late, is no sign of life.
  write(ring, wave) {
    const before = ring.end;
    this.isFilled = ring.write(wave.start, wave.samples) || this.isFilled;
    return before === null || ring.end > before;
  }

  // Samples [from, to) of a lead do not exist: the device has lost them itself.
  lose(lead, from, to) {
    this.isFilled = this.rings.get(lead)?.close(from, to) || this.isFilled;
  }

  // EEG leads that can be read together: those of the unit and rate that most have.
  together() {
    const mine = [...this.leads.values()].filter((one) => one.kind === EEG);
    const groups = grouped(mine, keyOf);
    return [...groups.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  }

  beside() {
    const [mine, all] = [this.together(), [...this.leads.values()]];
    const others = all.filter((one) => one.kind === EEG && !mine.includes(one));
    return [...others, ...BESIDE.flatMap((kind) => all.filter((one) => one.kind === kind))];
  }

  // Makes the traces anew: those of a montage (rows number the leads of `together`), then the leads beside it.
  arrange(view, filters) {
    const mine = this.together();
    const made = (view?.traces ?? []).map((one) => ({
      name: one.name, side: one.side, unit: mine[one.plus].unit, kind: EEG, sign: one.sign,
      plus: mine[one.plus].name, minus: one.minus === null ? null : mine[one.minus].name, against: one.against.map((row) => mine[row].name),
    }));
    const beside = this.beside().map((lead) => ({ name: lead.name, side: null, unit: lead.unit, kind: lead.kind, sign: 1, plus: lead.name, minus: null, against: [] }));
    this.traces = [...made, ...beside];
    this.filters = filters;
    this.arranged += 1;
    for (const one of this.traces) one.ring = null;
    this.advance();
  }

  // Derives what is new; each trace in samples of its own lead.
  advance() {
    if (this.isFilled) this.renew();
    for (const one of this.traces) this.extend(one);
    const ends = this.traces.filter((one) => one.ring).map((one) => one.ring.end / one.ring.fsHz);
    this.end = ends.length ? Math.max(...ends) : null;
  }

  // What came late lies behind what was filtered already: everything is made anew.
  renew() {
    for (const one of this.traces) one.ring = null;
    this.arranged += 1;
    this.isFilled = false;
  }

  extend(trace) {
    const given = this.given(trace);
    if (!given) return;
    if (!trace.ring) {
      trace.ring = new WaveRing(this.recording, given.fsHz, this.keptS);
      trace.filter = makeFilter(this.filters, given.fsHz);
      trace.at = given.start;
    }
    if (given.end <= trace.at) return;
    const first = Math.max(trace.at, given.start);
    if (first > trace.at) trace.filter(NaN);
    const made = new Float32Array(given.end - first);
    for (let k = 0; k < made.length; k++) made[k] = trace.filter(given.value(first + k));
    trace.ring.write(first, made);
    for (const [from, to] of given.holes) if (to > first) trace.ring.open(Math.max(from, first), Math.min(to, given.end));
    trace.at = given.end;
  }

  // What a trace is made of: {fsHz, start, end, value(i), holes}; null while nothing came.
  given(trace) {
    const plus = this.rings.get(trace.plus);
    if (!plus || plus.end === null) return null;
    const minus = trace.minus === null ? null : this.rings.get(trace.minus);
    if (trace.minus !== null && (!minus || minus.end === null)) return null;
    const against = trace.against.map((name) => this.rings.get(name)).filter((ring) => ring?.fsHz === plus.fsHz);
    const used = [plus, ...(minus ? [minus] : []), ...against];
    const newest = Math.max(...used.map((ring) => ring.end));
    const end = Math.min(...used.map((ring) => ring.end).filter((one) => one > newest - ALONE_S * plus.fsHz));
    const start = Math.max(plus.start, minus?.start ?? 0);
    const value = (i) => trace.sign * (plus.value(i) - (minus ? minus.value(i) : 0) - mean(against, i));
    return { fsHz: plus.fsHz, start, end, value, holes: joined(used.flatMap((ring) => ring.holes), end) };
  }
}

// Stretches before `end`, in order and none of them twice.
function joined(holes, end) {
  const made = [];
  for (const [from, to] of holes.filter(([a]) => a < end).sort((a, b) => a[0] - b[0])) {
    if (made.length && from <= made.at(-1)[1]) made.at(-1)[1] = Math.max(to, made.at(-1)[1]);
    else made.push([from, to]);
  }
  return made;
}

// The mean of what is there: a lead without a sample is left out.
function mean(rings, i) {
  let [sum, count] = [0, 0];
  for (const ring of rings) {
    const v = ring.value(i);
    if (Number.isNaN(v)) continue;
    sum += v;
    count += 1;
  }
  return count ? sum / count : 0;
}

const keyOf = (lead) => `${lead.unit} ${lead.fs_hz ?? ""}`;

function grouped(items, key) {
  const made = new Map();
  for (const one of items) made.set(key(one), [...(made.get(key(one)) ?? []), one]);
  return made;
}
