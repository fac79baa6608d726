// Builds elements without markup in strings, so that nothing a device or person wrote is ever read as HTML.

export function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

// Writing the same text again would make a screen reader say it again.
export function write(element, text) {
  const wanted = String(text ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
}

// `columns`: [heading, row => cell, {num: true}?]
export function table(columns, rows, { empty = "Nothing yet.", label = null } = {}) {
  if (!rows.length) return h("p", { class: "muted" }, empty);
  const head = h("tr", {}, columns.map(([name, , how]) => h("th", { scope: "col", class: how?.num ? "num" : null }, name)));
  const body = rows.map((row) => h("tr", {}, columns.map(([, cell, how]) => h("td", { class: how?.num ? "num" : null }, cell(row) ?? ""))));
  return h("table", { "aria-label": label }, h("thead", {}, head), h("tbody", {}, body));
}

// Single keys act only where nobody is typing and no browser shortcut is meant.
export function onKey(act) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    act(event);
  });
}
