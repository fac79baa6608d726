// Where things lie on an EEG page, in CSS pixels: names at the left, events on top, traces, and the clock below them.

import { PX_PER_MM } from "./paper.js";

export const SENSITIVITIES = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100]; // uV/mm
export const USUAL_SENSITIVITY = 7;
export const PAGES_S = [10, 30];
export const GUTTER = 92;
const RIGHT = 10;
const FOOT = 46;
const LEAST_ROW = 22;
const MOST_ROW = 56;
const BESIDE_ROW = 40;
const CHAIN_GAP = 9;
const SCREEN = 0.74; // share of the window's height that the traces may take
const UV = { uV: 1, mV: 1000 };
const BESIDE_UV_PER_MM = { mV: 100 }; // an ECG of 10 mm/mV

// `lanesPx` is the height of the events above the traces.
export function layout({ width, screen, traces, pageS, sensitivity, lanesPx }) {
  const eeg = traces.filter((one) => one.side !== null).length;
  const beside = traces.length - eeg;
  const breaks = traces.map((one, k) => (k > 0 && beginsChain(traces[k - 1], one) ? CHAIN_GAP : 0));
  const room = SCREEN * screen - lanesPx - FOOT - beside * BESIDE_ROW - sum(breaks);
  const row = Math.min(MOST_ROW, Math.max(LEAST_ROW, eeg ? room / eeg : MOST_ROW));
  const heights = traces.map((one) => (one.side === null ? BESIDE_ROW : row));
  const tops = heights.map((_, k) => lanesPx + sum(heights.slice(0, k)) + sum(breaks.slice(0, k + 1)));
  const bottom = lanesPx + sum(heights) + sum(breaks);
  const plot = Math.max(50, width - GUTTER - RIGHT);
  return {
    width, plot, left: GUTTER, right: GUTTER + plot, top: lanesPx, bottom, height: bottom + FOOT, foot: FOOT,
    pageS, sensitivity, pxPerS: plot / pageS, mmPerS: plot / pageS / PX_PER_MM, tops, heights,
    zero: (k) => tops[k] + heights[k] / 2,
  };
}

const sum = (values) => values.reduce((total, one) => total + one, 0);

// Pairs that share an electrode belong together; elsewhere the side of the head tells what does.
function beginsChain(before, trace) {
  if ((before.side === null) !== (trace.side === null)) return true;
  if (trace.side === null) return false;
  const isPair = before.minus !== null && trace.minus !== null;
  return isPair ? before.minus !== trace.plus && before.plus !== trace.plus && before.minus !== trace.minus : before.side !== trace.side;
}

// Pixels a unit; null for a lead whose scale nobody knows or that is in another unit: its trace is fitted.
export function pxPerUnit(trace, at) {
  const uv = UV[trace.unit];
  if (!uv) return null;
  const perMm = trace.side === null ? BESIDE_UV_PER_MM[trace.unit] ?? at.sensitivity : at.sensitivity;
  return (uv * PX_PER_MM) / perMm;
}

// What the scale of a trace beside the EEG is, where it is not that of the EEG.
export function ownScale(trace) {
  if (trace.side !== null) return "";
  if (!UV[trace.unit]) return trace.unit === "raw" ? "not calibrated" : `fitted, ${trace.unit}`;
  return BESIDE_UV_PER_MM[trace.unit] ? `${1000 / BESIDE_UV_PER_MM[trace.unit]} mm/mV` : "";
}

export const near = (values, value, by) => values[Math.min(values.length - 1, Math.max(0, values.indexOf(value) + by))];
