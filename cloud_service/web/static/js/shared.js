// A finding that a link shows: all of it came with the page, and nothing else can be asked for.

import { byId, fill, h, onKey, write } from "./dom.js";
import { findingName, madeOf, measuresOf, noStrip, textOf } from "./finding-parts.js";
import { makeStrips } from "./finding-strip.js";
import { drawable, keptText } from "./marks.js";
import { PaperChoice, newView } from "./paper-choice.js";
import { place, priorityMark, stamp } from "./words.js";

const { dataset } = byId("shared");
const finding = JSON.parse(dataset.finding);
const view = newView();
const marks = finding.evidence.marks.map((mark) => drawable(mark, finding.evidence.fs_hz));
const strips = makeStrips(finding.strips, view, () => marks);
const paper = new PaperChoice(byId("paper"), view, () => strips.forEach((one) => one.draw()));

document.title = `${findingName(finding)} - Bedside`;
write(byId("kind"), findingName(finding));
fill(byId("chips"), priorityMark(finding.priority), h("span", { class: "muted" }, finding.state));
write(byId("when"), `${place(finding.onset, finding.fs_hz)} to ${place(finding.end, finding.fs_hz)} of the recording, ${finding.leads.length === 1 ? "lead" : "leads"} ${finding.leads.join(", ") || "none"}. Revision ${finding.rev}. This link shows one finding and ends ${stamp(dataset.expires)}.`);
paper.offer(finding.strips.map((one) => one.unit));
byId("paper").hidden = !strips.length;
fill(byId("strips"), strips.length ? strips.map((one) => one.root) : noStrip(finding));
for (const one of strips) one.draw();
write(byId("kept"), keptText(finding.evidence.sets));
fill(byId("text"), textOf(finding));
fill(byId("measures"), measuresOf(finding));
fill(byId("made"), madeOf(finding));

onKey((event) => {
  if (paper.key(event.key)) event.preventDefault();
});
