// Drawing commands in millimetres as an SVG; a pen is a class, and what it looks like stands in the style sheet.

const SPACE = "http://www.w3.org/2000/svg";

function make(tag, attributes, text = null) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

const path = (points) => points.map(([x, y], at) => `${at ? "L" : "M"}${x} ${y}`).join("");

const DRAW = {
  line: (one) => make("path", { class: `pen-${one.pen}`, d: one.d }),
  shade: (one) => make("rect", { class: one.strength > 0 ? "shade-for" : "shade-against", x: one.x, y: one.y, width: one.width, height: one.height, "fill-opacity": 0.6 * Math.min(Math.abs(one.strength), 1) }),
  text: (one) => make("text", { class: `pen-${one.pen}`, x: one.x, y: one.y, "font-size": one.size_mm, "text-anchor": one.centred ? "middle" : "start" }, one.text),
};

// Lines of one pen that follow each other become one path: a grid has hundreds.
function joined(items) {
  const made = [];
  for (const one of items) {
    const last = made.at(-1);
    if (one.type === "line" && last?.type === "line" && last.pen === one.pen) last.d += path(one.points);
    else made.push(one.type === "line" ? { ...one, d: path(one.points) } : one);
  }
  return made;
}

// `paper` is {width_mm, height_mm, items}; the SVG says its size in millimetres, so that a printer keeps to it.
export function svgOf(paper, label) {
  const svg = make("svg", { viewBox: `0 0 ${paper.width_mm} ${paper.height_mm}`, width: `${paper.width_mm}mm`, height: `${paper.height_mm}mm`, role: "img", "aria-label": label });
  for (const one of joined(paper.items)) svg.append(DRAW[one.type](one));
  return svg;
}
