// Filters for looking at an EEG: they change what is drawn and nothing else. Low cut of the first order, as a time
// constant; high cut a Butterworth of the second order; mains notch of quality 8 (biquads of R. Bristow-Johnson's
// "Cookbook formulae for audio EQ biquad filter coefficients"). A sample that is missing makes them begin anew.

export const LOW_CUTS = [0, 0.1, 0.3, 0.5, 1, 5];
export const HIGH_CUTS = [15, 35, 70, 0];
export const NOTCHES = [0, 50, 60];
const NOTCH_QUALITY = 8;
const HIGHEST = 0.45; // of the rate: above it a filter has nothing to take away

export const usualFilters = () => ({ lowCut: 0.5, highCut: 70, notch: 0 });

// A function from sample to sample with a memory of its own.
export function makeFilter({ lowCut, highCut, notch }, fsHz) {
  const steps = [];
  if (lowCut) steps.push(new LowCut(lowCut, fsHz));
  if (highCut && highCut < HIGHEST * fsHz) steps.push(new Biquad(lowPass(highCut, fsHz)));
  if (notch && notch < HIGHEST * fsHz) steps.push(new Biquad(bandStop(notch, fsHz)));
  let isFresh = true;
  return (value) => {
    if (Number.isNaN(value)) {
      isFresh = true;
      return NaN;
    }
    let v = value;
    for (const step of steps) {
      if (isFresh) step.settle(v);
      v = step.next(v);
    }
    isFresh = false;
    return v;
  };
}

class LowCut {
  constructor(hz, fsHz) {
    this.keep = 1 / (1 + (2 * Math.PI * hz) / fsHz);
  }

  // As if the first value had been there for ever.
  settle(x) {
    [this.x, this.y] = [x, 0];
  }

  next(x) {
    this.y = this.keep * (this.y + x - this.x);
    this.x = x;
    return this.y;
  }
}

class Biquad {
  constructor([b0, b1, b2, a1, a2]) {
    Object.assign(this, { b0, b1, b2, a1, a2 });
  }

  settle(x) {
    this.z2 = (this.b2 - this.a2) * x;
    this.z1 = (this.b1 - this.a1) * x + this.z2;
  }

  next(x) {
    const y = this.b0 * x + this.z1;
    this.z1 = this.b1 * x - this.a1 * y + this.z2;
    this.z2 = this.b2 * x - this.a2 * y;
    return y;
  }
}

function lowPass(hz, fsHz) {
  const [sin, cos] = turned(hz, fsHz);
  const alpha = sin * Math.SQRT1_2;
  return scaled([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]);
}

function bandStop(hz, fsHz) {
  const [sin, cos] = turned(hz, fsHz);
  const alpha = sin / (2 * NOTCH_QUALITY);
  return scaled([1, -2 * cos, 1], [1 + alpha, -2 * cos, 1 - alpha]);
}

const turned = (hz, fsHz) => [Math.sin((2 * Math.PI * hz) / fsHz), Math.cos((2 * Math.PI * hz) / fsHz)];
const scaled = ([b0, b1, b2], [a0, a1, a2]) => [b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0];
