// What did not come of the live waves of a device is looked for while a page still shows it: the device may have lost it
// itself, the clinic may keep it, and after a while the device can be asked.

import { post } from "./api.js";

const LOOK_MS = 1000;
const FIRST_MS = 1000; // what is only late comes by itself
const LONGEST_MS = 15000;
const STORED_S = 12; // a device puts its waves on disk by ten seconds
const MOST_S = 110;

export class LiveHoles {
  // `rings()` gives those that are shown, by [lead, ring]; `found(wave)` takes what came, `lost(lead, from, to)` that
  // samples of a lead do not exist.
  constructor(device, rings, found, lost) {
    Object.assign(this, { path: `/devices/${encodeURIComponent(device)}/missed`, rings, found, lost, newest: -1, due: 0, pause: FIRST_MS, isOut: false });
    setInterval(() => { if (!document.hidden) this.look(); }, LOOK_MS);
  }

  async look() {
    const mine = [...this.rings()].filter(([, ring]) => ring?.holes.length);
    if (!mine.length || this.isOut) return;
    const last = Math.max(...mine.map(([, ring]) => ring.holes.at(-1)[1] / ring.fsHz));
    if (last !== this.newest) Object.assign(this, { newest: last, pause: FIRST_MS, due: performance.now() + FIRST_MS });
    if (performance.now() < this.due) return;
    this.pause = Math.min(LONGEST_MS, 2 * this.pause);
    this.due = performance.now() + this.pause;
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
    const said = await post(this.path, { recording, start_s: start, end_s: end, leads: mine.map(([lead]) => lead), ask: now - first > STORED_S });
    for (const one of said.losses) for (const [lead, ring] of mine) this.lost(lead, Math.floor(one.start_s * ring.fsHz), Math.ceil(one.end_s * ring.fsHz));
    for (const piece of said.pieces) this.found(piece);
  }
}
