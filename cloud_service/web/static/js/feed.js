// One stream of events per page; pages say which kinds they want, or all of them.

import { get } from "./api.js";
import { hear as heard } from "./contact.js";

export const EVERY = "*";
const listeners = [];
const states = [];
const named = new Set();
const SILENT_MS = 6000; // the service says what time it is once a second
let source = null;
let spoke = performance.now();
let wasDown = false;

// `kinds` are kinds of events, or EVERY. A kind that this version does not know comes as a plain message.
export function onEvents(kinds, act) {
  listeners.push({ kinds, act });
  for (const kind of kinds) hear(kind);
}

export function onLink(act) {
  states.push(act);
}

export function openFeed() {
  source?.close();
  source = new EventSource("/api/v1/feed");
  spoke = performance.now();
  source.addEventListener("open", () => {
    notify("live", wasDown);
    wasDown = false;
  });
  source.addEventListener("error", () => {
    notify("no connection", false);
    wasDown = true;
    // A closed stream is one the service refused: asking who we are sends us to the login if that is why.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(openFeed, 2000);
      get("/me").catch(() => {});
    }
  });
  source.addEventListener("now", (event) => {
    spoke = performance.now();
    heard(JSON.parse(event.data).now);
  });
  source.addEventListener("message", pass);
  for (const kind of named) source.addEventListener(kind, pass);
}

// A line that was cut somewhere on the way stays open at this end and says nothing.
setInterval(() => {
  if (source && performance.now() - spoke > SILENT_MS) {
    notify("no connection", false);
    wasDown = true;
    openFeed();
  }
}, 1000);

function hear(kind) {
  if (kind === EVERY || named.has(kind)) return;
  named.add(kind);
  source?.addEventListener(kind, pass);
}

function pass(event) {
  const item = JSON.parse(event.data);
  spoke = performance.now();
  heard();
  // what has no row is no event of a device and is given to those only who ask for it
  for (const one of listeners) if (one.kinds.includes(item.kind) || (item.row !== null && one.kinds.includes(EVERY))) one.act(item);
}

function notify(state, isBack) {
  for (const act of states) act(state, isBack);
}

// Runs `act` now and, however often it is asked for, at most every `gap` ms after; never twice at once.
export function gathered(act, gap = 250) {
  let running = false;
  let wanted = false;
  return async function run() {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      try {
        await act();
      } catch (error) {
        document.dispatchEvent(new CustomEvent("bedside:trouble", { detail: error.message }));
      }
      await new Promise((done) => setTimeout(done, gap));
    }
    running = false;
  };
}
