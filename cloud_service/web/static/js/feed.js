// One stream of events per page; pages say which kinds they want.

import { get } from "./api.js";

const KINDS = [
  "finding", "alarm", "explanation", "strip", "command.answer", "model.report", "recording.opened", "recording.closed",
  "trend", "loss",
];
const listeners = [];
const states = [];
let source = null;

export function onEvents(kinds, act) {
  for (const kind of kinds) if (!KINDS.includes(kind)) throw new Error(`the feed has no ${kind}`);
  listeners.push({ kinds, act });
}

export function onLink(act) {
  states.push(act);
}

export function openFeed() {
  source = new EventSource("/api/v1/feed");
  let wasDown = false;
  source.addEventListener("open", () => {
    tell("live", wasDown);
    wasDown = false;
  });
  source.addEventListener("error", () => {
    tell("no connection", false);
    wasDown = true;
    // A closed stream is one the service refused: asking who we are sends us to the login if that is why.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(openFeed, 3000);
      get("/me").catch(() => {});
    }
  });
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const item = JSON.parse(event.data);
      for (const one of listeners) if (one.kinds.includes(kind)) one.act(item);
    });
  }
}

function tell(state, isBack) {
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
