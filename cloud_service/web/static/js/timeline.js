// One time axis for all live leads of a page, whatever their rates: where the drawn end stands, in seconds of the recording.

const BEHIND_S = 0.5; // wall time the drawn end stays behind the newest samples, so that frames may come unevenly

export class Timeline {
  constructor() {
    this.recording = null;
    this.head = null; // the drawn end
    this.origin = 0; // the second at the left edge of a sweep
    this.rate = 1; // signal seconds a wall second
    this.newest = new Map(); // by lead: the end of its samples
    this.arrivals = [];
  }

  take(wave) {
    if (this.recording !== wave.recording) Object.assign(this, new Timeline(), { recording: wave.recording });
    const now = performance.now() / 1000;
    const end = (wave.start + wave.samples.length) / wave.fs_hz;
    const before = Math.max(...this.newest.values(), -Infinity);
    this.newest.set(wave.lead, Math.max(end, this.newest.get(wave.lead) ?? 0)); // what comes late takes nothing back
    if (end <= before) return;
    this.arrivals.push([now, end]);
    while (this.arrivals.length > 2 && this.arrivals[0][0] < now - 4) this.arrivals.shift();
    const [t0, end0] = this.arrivals[0];
    if (now - t0 > 0.8) this.rate = Math.min(64, Math.max(0.05, (end - end0) / (now - t0)));
  }

  advance(dtS) {
    const newest = this.end();
    if (newest === null) return;
    const behind = BEHIND_S * this.rate;
    if (this.head === null || newest - this.head > behind + 2 * Math.max(1, this.rate)) {
      this.head = newest - behind;
      this.origin = this.head;
    }
    const pull = 1 + 0.5 * ((newest - this.head) / behind - 1);
    this.head = Math.min(newest, this.head + dtS * this.rate * Math.min(2, Math.max(0, pull)));
  }

  // A lead that comes less often must not be overrun, but one that has stopped must not hold the others up.
  end() {
    if (!this.newest.size) return null;
    const most = Math.max(...this.newest.values());
    const near = [...this.newest.values()].filter((one) => one > most - 3 * Math.max(1, this.rate));
    return Math.min(...near);
  }
}
