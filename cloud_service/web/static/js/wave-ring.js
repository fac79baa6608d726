// The newest samples of one lead, by sample index; what never came is NaN.

export class WaveRing {
  constructor(recording, fsHz, seconds) {
    this.recording = recording;
    this.fsHz = fsHz;
    this.values = new Float32Array(Math.ceil(seconds * fsHz)).fill(NaN);
    this.end = null;
    this.start = null;
  }

  write(start, samples) {
    const size = this.values.length;
    if (this.end === null) this.start = this.end = start;
    if (start > this.end) {
      for (let i = Math.max(this.end, start - size); i < start; i++) this.values[i % size] = NaN;
    }
    for (let k = 0; k < samples.length; k++) {
      const i = start + k;
      if (i >= this.end - size) this.values[i % size] = samples[k] ?? NaN;
    }
    this.end = Math.max(this.end, start + samples.length);
    this.start = Math.max(this.start, this.end - size);
  }

  value(i) {
    return i < this.start || i >= this.end ? NaN : this.values[i % this.values.length];
  }
}
