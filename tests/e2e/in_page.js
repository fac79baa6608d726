// What the tests ask of a page from inside.
window.inPage = {
  listed: () => [...document.querySelectorAll("#newest [data-finding]")].map((one) => one.dataset.finding),

  noteArrivals() {
    this.arrived = {};
    const note = () => {
      for (const id of this.listed()) this.arrived[id] ??= Date.now();
    };
    new MutationObserver(note).observe(document.querySelector("#newest"), { childList: true, subtree: true });
  },

  noteStates(id) {
    this.states = [];
    const note = () => {
      const one = document.querySelector(`[data-alarm="${id}"]`);
      const said = one ? `${one.dataset.state}/${one.dataset.request}` : "gone";
      if (this.states.at(-1) !== said) this.states.push(said);
    };
    note();
    const everything = { childList: true, subtree: true, attributes: true };
    new MutationObserver(note).observe(document.querySelector("#now"), everything);
  },

  async post(path) {
    const csrf = document.querySelector("meta[name=csrf]").content;
    const headers = { "X-CSRF-Token": csrf, "Content-Type": "application/json" };
    return (await fetch(path, { method: "POST", headers, body: "{}" })).status;
  },

  // Columns that hold a long upright stroke, and the vertical reach of dark ink, left of `rightMm`.
  pulse(canvas, rightMm) {
    const right = Math.floor((rightMm * 96) / 25.4);
    const limit = canvas.height - 25; // below stands the scale in letters
    const { data } = canvas.getContext("2d").getImageData(0, 0, right, limit);
    const found = { columns: [], top: limit, bottom: 0 };
    for (let x = 0; x < right; x++) {
      let dark = 0;
      for (let y = 0; y < limit; y++) {
        const at = 4 * (y * right + x);
        if (Math.max(data[at], data[at + 1], data[at + 2]) >= 90) continue;
        dark++;
        found.top = Math.min(found.top, y);
        found.bottom = Math.max(found.bottom, y);
      }
      if (dark > 15) found.columns.push(x);
    }
    return found;
  },

  // Rightmost column with ink of the trace, above the scale in letters.
  lastInk(canvas) {
    const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height - 25);
    let last = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (Math.max(data[at], data[at + 1], data[at + 2]) < 90) last = Math.max(last, (at / 4) % width);
    }
    return last;
  },

  // Where upright grid lines stand along a pixel row between two horizontal ones.
  grid(canvas) {
    const { data } = canvas.getContext("2d").getImageData(0, 9, canvas.width, 1);
    const probe = document.createElement("canvas").getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => {
      probe.fillStyle = style.getPropertyValue(name).trim();
      probe.fillRect(0, 0, 1, 1);
      return probe.getImageData(0, 0, 1, 1).data.slice(0, 3).join();
    };
    const [coarse, fine] = [colour("--paper-coarse"), colour("--paper-fine")];
    const lines = { coarse: [], fine: [] };
    for (let x = 0; x < canvas.width; x++) {
      const key = data.slice(4 * x, 4 * x + 3).join();
      if (key === coarse) lines.coarse.push(x);
      if (key === coarse || key === fine) lines.fine.push(x);
    }
    return lines;
  },

  // What makes the page wider than the screen.
  wider(width) {
    if (document.documentElement.scrollWidth <= width) return [];
    const inside = (one) => one.closest(".scroll, .paper");
    const wide = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > width);
    const named = wide.filter((one) => !inside(one)).map((one) => `${one.tagName}.${one.className}#${one.id}`);
    return [document.documentElement.scrollWidth, ...named];
  },

  // The same, with every finding held in the first moment of its arrival.
  faintAsItArrives() {
    for (const one of document.querySelectorAll(".finding")) one.style.animation = "arrive 1.6s paused";
    return this.faint();
  },

  // Texts below the contrast of 4.5 to 1.
  faint() {
    const parse = (text) => text.match(/[\d.]+/g).map(Number);
    const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const ground = (one) => {
      for (let at = one; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (colour.startsWith("rgb(")) return parse(colour);
      }
      return [255, 255, 255];
    };
    const skipped = ".unseen, :disabled, [aria-disabled=true], .uplot, option";
    const found = [];
    for (const one of document.querySelectorAll("body *")) {
      const hasText = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!hasText || !one.checkVisibility() || one.closest(skipped)) continue;
      const [a, b] = [light(parse(getComputedStyle(one).color)), light(ground(one))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const text = one.textContent.trim().slice(0, 30);
      if (ratio < 4.5) found.push(`${one.tagName}.${one.className} "${text}" ${ratio.toFixed(2)}`);
    }
    return found;
  },
};
