// The newest samples of one lead, by sample index. What never came is NaN and lies in a hole; what the device declared
// invalid, or says that it lost itself, is NaN and in none.

export class WaveRing {
  constructor(recording, fsHz, seconds) {
    this.recording = recording;
    this.fsHz = fsHz;
    this.values = new Float32Array(Math.ceil(seconds * fsHz)).fill(NaN);
    this.end = null;
    this.start = null;
    this.holes = []; // [first, behind the last) in order
  }

  // Says whether it filled some of what was missing.
  write(start, samples) {
    const size = this.values.length;
    if (this.end === null) this.start = this.end = start;
    const before = this.end;
    if (start > this.end) {
      this.holes.push([this.end, start]);
      for (let i = Math.max(this.end, start - size); i < start; i++) this.values[i % size] = NaN;
    }
    for (let k = 0; k < samples.length; k++) {
      const i = start + k;
      if (i >= this.end - size && i >= this.start) this.values[i % size] = samples[k] ?? NaN;
    }
    this.end = Math.max(this.end, start + samples.length);
    this.start = Math.max(this.start, this.end - size);
    this.forget();
    return start < before && this.close(start, start + samples.length);
  }

  // Samples [from, to) will not come: either they are here now, or there are none.
  close(from, to) {
    const cut = ([a, b]) => (b <= from || a >= to ? [[a, b]] : [[a, Math.min(b, from)], [Math.max(a, to), b]].filter(([x, y]) => y > x));
    const left = this.holes.flatMap(cut);
    const closed = left.length !== this.holes.length || left.some(([a, b], k) => a !== this.holes[k][0] || b !== this.holes[k][1]);
    this.holes = left;
    return closed;
  }

  // Samples [from, to) may still come.
  open(from, to) {
    this.holes.push([from, to]);
  }

  forget() {
    if (this.holes.length && this.holes[0][0] < this.start) this.close(this.holes[0][0], this.start);
  }

  // Whether the sample may still come.
  lacks(i) {
    return this.holes.length > 0 && this.holes.some(([from, to]) => i >= from && i < to);
  }

  // How many samples of [from, to) may still come.
  awaited(from, to) {
    return this.holes.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0);
  }

  value(i) {
    return i < this.start || i >= this.end ? NaN : this.values[i % this.values.length];
  }
}
