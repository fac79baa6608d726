// Annotating with the mouse: a click chooses or begins, a drag moves a mark, an edge of a stretch, or draws a new one.

const GRAB_PX = 9;
const DRAG_PX = 4;
const LEAST_S = 0.01; // of a stretch
export const NEW_S = 2; // how long a new stretch is before anybody draws it longer

export function follow(desk, strip, event) {
  const box = strip.canvas.getBoundingClientRect();
  const seconds = (e) => Math.max(0, Math.min(desk.page.end, strip.seconds(e.clientX - box.left)));
  const first = seconds(event);
  const nearS = GRAB_PX / strip.at.pxPerS;
  const grabbed = at(desk, first, nearS);
  strip.canvas.setPointerCapture(event.pointerId);
  if (grabbed) desk.choose(grabbed);
  const isInside = grabbed && desk.unit.span_s === 0 && Math.min(Math.abs(first - grabbed.from), Math.abs(first - grabbed.to)) > nearS;
  const move = (e) => {
    if (Math.abs(e.clientX - event.clientX) < DRAG_PX) return;
    if (grabbed && !isInside) drag(desk, grabbed, first, seconds(e), nearS);
    else desk.begin(first, seconds(e));
  };
  strip.canvas.addEventListener("pointermove", move);
  strip.canvas.addEventListener("pointerup", (e) => {
    strip.canvas.removeEventListener("pointermove", move);
    if (!grabbed && Math.abs(e.clientX - event.clientX) < DRAG_PX) desk.begin(first, desk.unit.span_s === 0 ? first + NEW_S : first);
  }, { once: true });
}

function at(desk, seconds, nearS) {
  const away = (one) => (seconds >= one.from && seconds <= one.to ? 0 : Math.min(Math.abs(one.from - seconds), Math.abs(one.to - seconds)));
  return desk.things().filter((one) => away(one) <= nearS).sort((a, b) => away(a) - away(b))[0] ?? null;
}

// Of a stretch the edge that was taken hold of moves.
function drag(desk, one, first, now, nearS) {
  if (desk.unit.span_s || one.label === null) return;
  if (desk.unit.span_s === null) return desk.place({ from: now, to: now });
  const edge = Math.abs(first - one.from) <= nearS ? "from" : Math.abs(first - one.to) <= nearS ? "to" : null;
  if (!edge) return;
  const next = { from: one.from, to: one.to, [edge]: now };
  if (next.to - next.from >= LEAST_S) desk.place(next);
}
