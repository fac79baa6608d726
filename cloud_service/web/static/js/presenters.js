// How marks are drawn on a strip. Points become ticks and stretches bars, each with its label: a kind that nobody has
// heard of needs nothing here. A kind that is to look otherwise has a line in presenters.json, beside this folder.

import { inks } from "./paper.js";
import { PRESENTERS, counted } from "./words.js";

export const LANE_PX = 24;
const WAYS = {
  tick: { hasLane: true, draw: drawTick },
  bar: { hasLane: true, draw: drawBar },
  shade: { hasLane: false, draw: drawShade },
};

// A mark to draw is {task, kind, leads, from, to, label, isEvidence, chosen, by}, from and to in seconds of the recording.
// `by` is who says so where it is not the device: such marks have lanes and a colour of their own.
export const wayOf = (mark) => WAYS[PRESENTERS[kindOf(mark)]] ?? (mark.to > mark.from ? WAYS.bar : WAYS.tick);

const kindOf = (mark) => `${mark.task}/${mark.kind}`;
const laneOf = (mark) => (mark.by ? `${kindOf(mark)}/${mark.by}` : kindOf(mark));

// Kinds of marks above a strip, those a finding rests on nearest to the trace.
export function lanesOf(marks) {
  const inLanes = marks.filter((one) => wayOf(one).hasLane);
  const context = inLanes.filter((one) => !one.isEvidence).map(laneOf);
  const evidence = inLanes.filter((one) => one.isEvidence).map(laneOf);
  return [...new Set([...context.filter((one) => !evidence.includes(one)), ...evidence])];
}

// Draws all marks; `x(seconds)` places them, lanes lie above `top`, the paper below it.
export function drawMarks(ctx, marks, { x, top, bottom }) {
  const lanes = lanesOf(marks);
  const used = new Map(); // by lane: right end of its last label, so that labels do not cover each other
  const ordered = [...marks].sort((a, b) => a.from - b.from);
  for (const one of ordered.filter((mark) => mark.chosen)) band(ctx, x(one.from), x(one.to), top, bottom);
  for (const one of ordered) {
    const lane = laneOf(one);
    const y = lanes.indexOf(lane) * LANE_PX;
    const until = wayOf(one).draw(ctx, one, { left: x(one.from), right: x(one.to), y, top, bottom, taken: used.get(lane) ?? -Infinity });
    used.set(lane, Math.max(used.get(lane) ?? -Infinity, until));
  }
  ctx.textAlign = "start";
}

function band(ctx, left, right, top, bottom) {
  ctx.fillStyle = inks().mark;
  ctx.globalAlpha = 0.14;
  const wide = Math.max(28, right - left);
  ctx.fillRect((left + right - wide) / 2, top, wide, bottom - top);
  ctx.globalAlpha = 1;
}

const inkOf = (mark) => (mark.chosen || mark.by ? inks().mark : mark.isEvidence ? inks().ink : inks().faint);
const fontOf = (mark) => `${mark.chosen ? "bold 15px" : mark.isEvidence ? "bold 13px" : "12px"} ${inks().font}`;

function drawTick(ctx, mark, { left, y, top, taken }) {
  ctx.font = fontOf(mark);
  ctx.fillStyle = inkOf(mark);
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const half = ctx.measureText(mark.label).width / 2 + 1;
  const fits = left - half >= taken;
  if (fits) ctx.fillText(mark.label, left, y + 3);
  const thick = mark.isEvidence ? 2 : 1;
  ctx.fillRect(left - thick / 2, y + 19, thick, Math.max(5, top - y - 17));
  return fits ? left + half : taken;
}

function drawBar(ctx, mark, { left, right, y }) {
  const wide = Math.max(2, right - left - 1);
  ctx.fillStyle = inkOf(mark);
  ctx.globalAlpha = mark.isEvidence ? 0.28 : 0.1;
  ctx.fillRect(left, y + 2, wide, LANE_PX - 5);
  ctx.globalAlpha = 1;
  ctx.fillRect(left, y + LANE_PX - 4, wide, mark.isEvidence ? 2 : 1);
  ctx.fillRect(left, y + 2, 1, LANE_PX - 5);
  ctx.font = fontOf(mark);
  ctx.textAlign = "start";
  ctx.textBaseline = "top";
  const seen = Math.max(left, 0); // of a stretch that began before what is shown, the label stands at the edge
  if (ctx.measureText(mark.label).width + 6 <= left + wide - seen) ctx.fillText(mark.label, seen + 4, y + 4);
  return right;
}

function drawShade(ctx, mark, { left, right, top, bottom }) {
  ctx.fillStyle = inkOf(mark);
  ctx.globalAlpha = mark.isEvidence ? 0.16 : 0.07;
  ctx.fillRect(left, top, right - left, bottom - top);
  ctx.globalAlpha = 1;
  ctx.font = `11px ${inks().font}`;
  ctx.textAlign = "start";
  ctx.textBaseline = "top";
  if (ctx.measureText(mark.label).width + 4 <= right - left) ctx.fillText(mark.label, left + 2, top + 3);
  return right;
}

// What a screen reader hears of the marks of a strip.
export function marksText(marks) {
  const parts = lanesOf(marks).map((lane) => {
    const mine = marks.filter((one) => laneOf(one) === lane).sort((a, b) => a.from - b.from);
    return `${mine[0].by ? `by ${mine[0].by}: ` : ""}${counted(mine[0].task, mine[0].kind, mine.length)} marked: ${mine.map((one) => one.label).join(" ")}`;
  });
  return parts.join("; ") || "no marks";
}
