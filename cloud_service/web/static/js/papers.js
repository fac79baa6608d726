// The paper a lead is drawn on, by its unit. One line a unit; a unit without a line has a scale fitted to what is seen.
//
// Gains are given from small to large traces. `mmPerUnit` turns a gain into millimetres a unit. `zeroMm` is where zero
// lies below the top. `pulse` is the calibration mark in units. `timeGrid` draws lines at whole seconds instead of
// millimetres, as paper for EEG has them.

export const PULSE_S = 0.2;
export const PAGE = "page";
export const PAGE_S = 30;

const ECG = {
  label: "mV", heightMm: 45, zeroMm: 28, speeds: [12.5, 25, 50], speed: 25, gains: [5, 10, 20], gain: 10,
  gainText: (gain) => `${gain} mm/mV`, mmPerUnit: (gain) => gain, pulse: 1, pulseText: "1 mV", timeGrid: false,
};
const EEG = {
  label: "uV", heightMm: 32, zeroMm: 16, speeds: [15, 30, 60, PAGE], speed: 30, gains: [20, 15, 10, 7, 5], gain: 7,
  gainText: (gain) => `${gain} \u00b5V/mm`, mmPerUnit: (gain) => 1 / gain, pulse: 50, pulseText: "50 \u00b5V", timeGrid: true,
};
const PAPERS = { mV: ECG, uV: EEG };
const OTHER = { label: "other", heightMm: 32, zeroMm: 16, speeds: [12.5, 25, 50], speed: 25, gains: [], gain: null, fitted: true, timeGrid: true };

// Nobody knows the scale of a raw lead: its trace is fitted to the paper and its numbers mean nothing.
export const isCalibrated = (unit) => unit !== "raw";

export const paperOf = (unit) => PAPERS[unit] ?? OTHER;

export const speedText = (speed) => (speed === PAGE ? `${PAGE_S} s page` : `${speed} mm/s`);

// What a strip says of its own scale.
export function scaleText(unit, gain) {
  if (!isCalibrated(unit)) return "not calibrated: the scale of this lead is not known";
  const paper = paperOf(unit);
  return paper.fitted ? `in ${unit}, fitted to the paper` : `${paper.gainText(gain)}, calibration pulse ${paper.pulseText} ${1000 * PULSE_S} ms`;
}

// Speeds that suit what is shown, and the one to begin with; all leads of a page share one time axis.
export function speedsFor(units) {
  const papers = units.map(paperOf);
  const all = [...new Set(papers.flatMap((one) => one.speeds))];
  const numbers = all.filter((one) => one !== PAGE).sort((a, b) => a - b);
  return { speeds: all.includes(PAGE) ? [...numbers, PAGE] : numbers, speed: papers[0]?.speed ?? ECG.speed };
}
