// The sound of alarms in a browser: bursts of pulses by priority as IEC 60601-1-8 has them, told apart by how many
// pulses there are, how they stand together and how often they come again.

// Onsets of the pulses of a burst and length of each, in seconds; `pause_s` of silence lies between two bursts.
export const BURSTS = {
  high: { onsets: [0, 0.25, 0.5, 1.0, 1.25, 1.9, 2.15, 2.4, 2.9, 3.15], pulse_s: 0.15, pause_s: 5, hertz: 523 },
  medium: { onsets: [0, 0.35, 0.7], pulse_s: 0.2, pause_s: 8, hertz: 392 },
  low: { onsets: [0, 0.4], pulse_s: 0.2, pause_s: 20, hertz: 330 },
};
const ANSWER_MS = 1500;
const HARMONICS = [0, 1, 0.8, 0.7, 0.6, 0.5, 0.4]; // of one size within 8 dB, so that no room swallows them all
const EDGE = 0.15; // part of a pulse in which it rises, and falls
const LOUD = 0.25;
const KEPT = "bedside-sound";

// Puts one burst into an audio context; gives how long it lasts.
export function schedule(context, priority, at = context.currentTime) {
  const { onsets, pulse_s: length, hertz } = BURSTS[priority];
  const wave = context.createPeriodicWave(new Float32Array(HARMONICS.length), new Float32Array(HARMONICS));
  for (const onset of onsets) {
    const from = at + onset;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.setPeriodicWave(wave);
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(LOUD, from + EDGE * length);
    gain.gain.setValueAtTime(LOUD, from + (1 - EDGE) * length);
    gain.gain.linearRampToValueAtTime(0, from + length);
    tone.connect(gain).connect(context.destination);
    tone.start(from);
    tone.stop(from + length);
  }
  return onsets.at(-1) + length;
}

// Which sound the alarms ask for; null: none. Whoever paused or acknowledged one has silenced it, at its device; `told` are
// the priorities of those that nobody answered and that this person was told of.
export function wanted(alarms, isLost, told = []) {
  if (isLost) return "high";
  const active = [...told, ...alarms.filter((one) => one.state === "active").map((one) => one.priority)];
  return ["high", "medium", "low"].find((one) => active.includes(one)) ?? null;
}

// Asks the browser with a moment of silence; a context made without leave would complain. One that does not answer has not
// allowed it.
async function isAllowed() {
  const played = new Audio("/static/silence.wav").play().then(() => true, () => false);
  return Promise.race([played, new Promise((done) => setTimeout(done, ANSWER_MS, false))]);
}

export class AlarmSound {
  // `changed` is called with "on", "off", "blocked" or "asking" whenever that changes.
  constructor(changed) {
    this.changed = changed;
    this.context = null;
    this.isRefused = null; // until the browser has been asked
    this.priority = null;
    this.timer = null;
    this.shown = null;
    for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => this.unblock(), { passive: true });
    this.ask();
  }

  get isOn() {
    return localStorage.getItem(KEPT) !== "off";
  }

  get state() {
    if (!this.isOn) return "off";
    if (this.context) return this.context.state === "running" ? "on" : "blocked";
    return { null: "asking", true: "blocked", false: "on" }[this.isRefused];
  }

  turn(isOn) {
    localStorage.setItem(KEPT, isOn ? "on" : "off");
    this.restart();
    if (isOn) this.unblock();
    this.report();
  }

  set(priority) {
    if (priority === this.priority) return;
    this.priority = priority;
    this.restart();
  }

  restart() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.context && (!this.priority || !this.isOn)) this.silence();
    if (this.priority && this.isOn) this.play();
  }

  async play() {
    clearTimeout(this.timer);
    const { priority } = this;
    if (!priority || !this.isOn) return;
    await this.open();
    if (priority !== this.priority || !this.isOn) return;
    const isHeard = this.context?.state === "running";
    const lasts = isHeard ? schedule(this.context, priority) : 1;
    const pause = isHeard ? BURSTS[priority].pause_s : 0;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.play(), 1000 * (lasts + pause));
  }

  // One burst on request, also where no alarm is.
  async test(priority) {
    await this.open();
    const isHeard = this.context?.state === "running";
    if (isHeard) schedule(this.context, priority);
    return isHeard;
  }

  // Nobody may be told that alarms sound before the browser has said so, nor learn otherwise from the first alarm.
  async ask() {
    this.isRefused = !this.context && !(await isAllowed());
    this.report();
  }

  async open() {
    await this.ask();
    if (!this.isRefused) {
      this.context ??= this.made();
      // A browser that blocks sound answers nothing until somebody has touched the page.
      if (this.context.state !== "running") await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 200))]).catch(() => {});
    }
    this.report();
  }

  made() {
    const context = new AudioContext();
    context.addEventListener("statechange", () => this.report());
    return context;
  }

  // Stops what is scheduled: the context is given up, and the next burst makes another.
  silence() {
    this.context.close().catch(() => {});
    this.context = null;
    this.report();
  }

  async unblock() {
    if (this.state === "on" || !this.isOn) return;
    await this.open();
    if (this.context?.state === "running") this.play();
  }

  report() {
    if (this.state === this.shown) return;
    this.shown = this.state;
    this.changed(this.state);
  }
}
