// What the clinic keeps of the waves of a recording, as the page has asked for it: samples by twenty seconds, and the
// lowest and highest values of equal stretches in tiles. What is shown again is not asked for again.

import { get } from "./api.js";

export const TILE = 1200; // stretches in a tile
export const WIDTHS = { fine: 0.05, second: 1, ten: 10 };
const SAMPLES_S = 20;
const MOST = 600;
const AT_ONCE = 6; // what a browser asks of one place at a time

export class WaveStore {
  // `path` of the recording in the API; `changed` is called when something has come.
  constructor(path, changed) {
    Object.assign(this, { path, changed, kept: new Map(), waiting: [], out: 0 });
  }

  // The tile of a lead, or null while it is on its way.
  tile(lead, width, number) {
    return this.want(`${lead}|${width}|${number}`, number * TILE * WIDTHS[width], TILE * WIDTHS[width],
      `waves/tile?lead=${encodeURIComponent(lead)}&width=${width}&number=${number}`, (said) => said);
  }

  // The pieces of a lead that touch a stretch, in order; `isWhole` once all of it was asked for.
  samples(lead, from, to) {
    const pieces = [];
    let isWhole = true;
    for (let k = Math.max(0, Math.floor(from / SAMPLES_S)); k * SAMPLES_S < to; k++) {
      const some = this.want(`${lead}|samples|${k}`, k * SAMPLES_S, SAMPLES_S,
        `waves?lead=${encodeURIComponent(lead)}&start_s=${k * SAMPLES_S}&end_s=${(k + 1) * SAMPLES_S}`, (said) => said.pieces);
      if (some) pieces.push(...some);
      else isWhole = false;
    }
    return { pieces, isWhole };
  }

  // More may have come of a stretch: what is known of it is shown until it is asked for anew.
  doubt(from, to) {
    for (const one of this.kept.values()) if (one.from < to && one.from + one.length > from) one.isOld = true;
  }

  want(key, from, length, address, read) {
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      this.kept.set(key, known); // the last that is let go of is the one that was looked at last
      if (!known.isOld || known.isOut) return known.value;
    }
    const entry = known ?? { from, length, value: null };
    Object.assign(entry, { isOut: true, isOld: false });
    this.kept.set(key, entry);
    this.waiting.push(() => this.fetch(entry, address, read));
    this.next();
    while (this.kept.size > MOST) this.kept.delete(this.kept.keys().next().value);
    return entry.value;
  }

  // The newest wish goes first: who scrolls on wants what is there now.
  next() {
    while (this.out < AT_ONCE && this.waiting.length) {
      this.out += 1;
      this.waiting.pop()().finally(() => {
        this.out -= 1;
        this.next();
      });
    }
  }

  async fetch(entry, address, read) {
    try {
      entry.value = read(await get(`${this.path}/${address}`));
    } catch {
      entry.isOld = true;
    }
    entry.isOut = false;
    this.changed();
  }
}
