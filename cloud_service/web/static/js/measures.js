// Measured quantities as a table.

import { table } from "./dom.js";
import { numberText, quantityName, unitText } from "./words.js";

export const measureTable = (measures) => table([
  ["Measure", (one) => quantityName(one.name, one.label)],
  ["Value", (one) => numberText(one), { num: true }],
  ["Unit", (one) => unitText(one.unit)],
], measures, { empty: "Nothing was measured." });
