// What can be chosen on an EEG page: montage, page, sensitivity, filters, each by button or key.

import { HIGH_CUTS, LOW_CUTS, NOTCHES, usualFilters } from "./display-filters.js";
import { fill, h } from "./dom.js";
import { PAGES_S, SENSITIVITIES, USUAL_SENSITIVITY, near } from "./eeg-layout.js";

const hz = (value) => (value ? `${value} Hz` : "off");

export class EegChoices {
  // `changed(what)` is called after each choice with "montage", "filters" or "page".
  constructor(box, changed) {
    Object.assign(this, { box, changed, montages: [], montage: null, pageS: PAGES_S[0], sensitivity: USUAL_SENSITIVITY, filters: usualFilters() });
    this.show();
  }

  // The montages that can be made; the one that was chosen stays where it is still there.
  offer(montages) {
    this.montages = montages;
    this.montage = montages.find((one) => one.name === this.montage?.name) ?? montages[0] ?? null;
    this.show();
  }

  show() {
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset.choice : null;
    const { lowCut, highCut, notch } = this.filters;
    fill(this.box,
      this.select("montage", "Montage", this.montages.map((one) => [one.name, one.label]), this.montage?.name, (name) => this.chooseMontage(name)),
      this.select("page", "Page", PAGES_S.map((one) => [one, `${one} s`]), this.pageS, (value) => this.choosePage(Number(value))),
      this.select("sensitivity", "Sensitivity", SENSITIVITIES.map((one) => [one, `${one} \u00b5V/mm`]), this.sensitivity, (value) => this.chooseSensitivity(Number(value))),
      this.select("lowCut", "Low cut", LOW_CUTS.map((one) => [one, hz(one)]), lowCut, (value) => this.filter("lowCut", Number(value))),
      this.select("highCut", "High cut", HIGH_CUTS.map((one) => [one, hz(one)]), highCut, (value) => this.filter("highCut", Number(value))),
      this.select("notch", "Mains notch", NOTCHES.map((one) => [one, hz(one)]), notch, (value) => this.filter("notch", Number(value))));
    if (focused) this.box.querySelector(`[data-choice="${focused}"]`)?.focus();
  }

  select(name, label, options, chosen, choose) {
    const made = h("select", { "data-choice": name, on: { change: (event) => choose(event.target.value) } },
      options.map(([value, text]) => h("option", { value: String(value) }, text)));
    made.value = String(chosen ?? "");
    return h("label", {}, label, made);
  }

  chooseMontage(name) {
    this.montage = this.montages.find((one) => one.name === name) ?? this.montage;
    this.told("montage");
  }

  choosePage(seconds) {
    this.pageS = seconds;
    this.told("page");
  }

  chooseSensitivity(value) {
    this.sensitivity = value;
    this.told("page");
  }

  filter(name, value) {
    this.filters = { ...this.filters, [name]: value };
    this.told("filters");
  }

  told(what) {
    this.show();
    this.changed(what);
  }

  // One key each; what goes round begins again behind its end.
  key(key) {
    const { lowCut, highCut, notch } = this.filters;
    const act = {
      m: () => this.chooseMontage(next(this.montages, this.montage)?.name),
      "[": () => this.choosePage(near(PAGES_S, this.pageS, -1)),
      "]": () => this.choosePage(near(PAGES_S, this.pageS, 1)),
      "+": () => this.chooseSensitivity(near(SENSITIVITIES, this.sensitivity, -1)),
      "=": () => this.chooseSensitivity(near(SENSITIVITIES, this.sensitivity, -1)),
      "-": () => this.chooseSensitivity(near(SENSITIVITIES, this.sensitivity, 1)),
      l: () => this.filter("lowCut", next(LOW_CUTS, lowCut)),
      h: () => this.filter("highCut", next(HIGH_CUTS, highCut)),
      n: () => this.filter("notch", next(NOTCHES, notch)),
    }[key];
    act?.();
    return Boolean(act);
  }
}

const next = (values, value) => values[(values.indexOf(value) + 1) % values.length];
