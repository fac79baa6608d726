// One clock for all charts of a recording: the stretch they show, the cursor on it, and the page of waves above them.

export class ChartClock {
  constructor() {
    Object.assign(this, { from: 0, to: 60, end: 60, lastS: null, cursor: null, page: null, acts: [] });
  }

  onChange(act) {
    this.acts.push(act);
  }

  tell() {
    for (const act of this.acts) act();
  }

  // The recording has come as far as second `end`; what is shown follows it.
  reach(end) {
    if (end <= this.end) return;
    this.end = end;
    this.fit();
  }

  // Shows the last so many seconds, all of them where `seconds` is null.
  last(seconds) {
    this.lastS = seconds;
    this.fit();
  }

  fit() {
    const to = Math.ceil(this.end / 60) * 60;
    Object.assign(this, { to, from: this.lastS === null ? 0 : Math.max(0, to - this.lastS) });
    if (this.cursor !== null) this.cursor = Math.min(this.to, Math.max(this.from, this.cursor));
    this.tell();
  }

  begin() {
    Object.assign(this, { end: 60, cursor: null, page: null });
    this.fit();
  }

  point(seconds) {
    const wanted = seconds === null ? null : Math.min(this.to, Math.max(this.from, seconds));
    if (wanted === this.cursor) return;
    this.cursor = wanted;
    this.tell();
  }

  turnTo(from, to) {
    if (this.page?.[0] === from && this.page[1] === to) return;
    this.page = [from, to];
    this.tell();
  }
}
