// One stream of events per page; pages say which kinds they want, or all of them.

import { get } from "./api.js";

export const EVERY = "*";
const listeners = [];
const states = [];
const named = new Set();
let source = null;

// `kinds` are kinds of events, or EVERY. A kind that this version does not know comes as a plain message.
export function onEvents(kinds, act) {
  listeners.push({ kinds, act });
  for (const kind of kinds) hear(kind);
}

export function onLink(act) {
  states.push(act);
}

export function openFeed() {
  source = new EventSource("/api/v1/feed");
  let wasDown = false;
  source.addEventListener("open", () => {
    notify("live", wasDown);
    wasDown = false;
  });
  source.addEventListener("error", () => {
    notify("no connection", false);
    wasDown = true;
    // A closed stream is one the service refused: asking who we are sends us to the login if that is why.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(openFeed, 3000);
      get("/me").catch(() => {});
    }
  });
  source.addEventListener("message", pass);
  for (const kind of named) source.addEventListener(kind, pass);
}

function hear(kind) {
  if (kind === EVERY || named.has(kind)) return;
  named.add(kind);
  source?.addEventListener(kind, pass);
}

function pass(event) {
  const item = JSON.parse(event.data);
  for (const one of listeners) if (one.kinds.includes(item.kind) || one.kinds.includes(EVERY)) one.act(item);
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
