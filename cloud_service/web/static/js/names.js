// Names of patients, in this browser alone: the clinic knows pseudonyms, and nothing here is ever sent.

const KEY = "bedside-names";

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

export const nameOf = (subject) => read()[subject] ?? "";

// How a patient is called: by the name if there is one here, with the pseudonym beside it.
export function called(subject) {
  if (!subject) return "";
  const name = nameOf(subject);
  return name ? `${name} (${subject})` : subject;
}

export function keepName(subject, name) {
  const names = read();
  if (name.trim()) names[subject] = name.trim();
  else delete names[subject];
  localStorage.setItem(KEY, JSON.stringify(names));
}
