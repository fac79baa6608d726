// What did not come of the live waves of a device is looked for while a page still shows it: the device may have lost it
// itself, the clinic may keep it, and after a while the device can be asked.

import { post } from "./api.js";

const LOOK_MS = 1000;
const FIRST_MS = 1000; // what is only late comes by itself
const SOON_MS = 2000;
const LATER_MS = 15000;
const OLD_S = 25; // by then whatever was to be had has come
const CHUNK_S = 10; // a device puts its waves on disk by whole ten seconds of the recording, once they are full
const WRITTEN_S = 1;
const MOST_S = 110;

export class LiveHoles {
  // `rings()` gives those that are shown, by [lead, ring]; `found(wave)` takes what came, `lost(lead, from, to)` that
  // samples of a lead do not exist.
  constructor(device, rings, found, lost) {
    Object.assign(this, { path: `/devices/${encodeURIComponent(device)}/missed`, rings, found, lost, newest: -1, due: 0, isOut: false });
    setInterval(() => { if (!document.hidden) this.look(); }, LOOK_MS);
  }

  async look() {
    const mine = [...this.rings()].filter(([, ring]) => ring?.holes.length);
    if (!mine.length || this.isOut) return;
    const last = Math.max(...mine.map(([, ring]) => ring.holes.at(-1)[1] / ring.fsHz));
    if (last !== this.newest) Object.assign(this, { newest: last, due: performance.now() + FIRST_MS });
    if (performance.now() < this.due) return;
    const age = Math.max(...mine.map(([, ring]) => ring.end / ring.fsHz)) - last;
    this.due = performance.now() + (age < OLD_S ? SOON_MS : LATER_MS);
    this.isOut = true;
    await this.ask(mine).catch(() => {}); // it is asked again, and what is not here says so on the paper
    this.isOut = false;
  }

  async ask(mine) {
    const recording = mine[0][1].recording;
    const end = Math.max(...mine.map(([, ring]) => ring.holes.at(-1)[1] / ring.fsHz));
    const start = Math.max(0, end - MOST_S, Math.min(...mine.map(([, ring]) => ring.holes[0][0] / ring.fsHz)));
    const now = Math.max(...mine.map(([, ring]) => ring.end / ring.fsHz));
    const first = Math.min(...mine.map(([, ring]) => ring.holes[0][1] / ring.fsHz));
    const isStored = now > Math.ceil(first / CHUNK_S) * CHUNK_S + WRITTEN_S;
    const said = await post(this.path, { recording, start_s: start, end_s: end, leads: mine.map(([lead]) => lead), ask: isStored });
    for (const one of said.losses) for (const [lead, ring] of mine) this.lost(lead, Math.floor(one.start_s * ring.fsHz), Math.ceil(one.end_s * ring.fsHz));
    for (const piece of said.pieces) this.found(piece);
  }
}
