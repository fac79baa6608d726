// Whether the clinic is there, what time it is there, and until when what it said may be shown. Everything is held
// against the page's own steady clock: neither a clock that is set nor a clinic that is gone makes an old number young.

const LOST_MS = 5000;
const TICK_MS = 200;
const ticks = [];
let heardAt = performance.now();
let heardTime = Date.now();
let ahead = null; // the clinic's time minus the steady clock, at most: an answer is no older than its question
let lost = false;

// Something came from the clinic. `now` is the time it gave, `asked` the steady time of the question, if it answers one.
export function hear(now = null, asked = null) {
  heardAt = performance.now();
  heardTime = Date.now();
  if (now !== null && (asked !== null || ahead === null)) ahead = Date.parse(now) - (asked ?? heardAt);
}

export const isLost = () => performance.now() - heardAt > LOST_MS;
export const lastHeard = () => heardTime;

// What time it is at the clinic; the time of this machine until the clinic has said it.
export const clinicTime = () => (ahead === null ? Date.now() : performance.now() + ahead);

// The steady time at which something that holds until `time` is over. `now` came with it.
export function deadline(time, now, asked = null) {
  if (!time || !now) return -Infinity;
  const left = (asked ?? performance.now()) + Date.parse(time) - Date.parse(now);
  return ahead === null ? left : Math.min(left, Date.parse(time) - ahead);
}

export const isOver = (steady) => performance.now() >= steady;

// Runs `act` several times a second, and at once when the page is seen again; `act` is told whether contact is lost.
export function onTick(act) {
  ticks.push(act);
}

// A page that came with all it shows has no contact to lose.
const isAlone = "alone" in document.documentElement.dataset;

function tick() {
  if (isAlone) return;
  lost = isLost();
  document.documentElement.dataset.contact = lost ? "lost" : "kept";
  for (const act of ticks) act(lost);
}

setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) tick();
});
