// Which key says which label. Labels and keys are those of the task's review unit; digits count its labels.

export const NAVIGATION = ["n", "p", "a", "c", "u"];
const isLetter = (key) => key.length === 1 && key.toLowerCase() !== key.toUpperCase();

// A letter that the desk needs for itself says its label only with the shift key; so does one of two labels whose
// letters differ in nothing else. A task that gives a digit to a label counts by itself: then no digit counts for it.
export function keysOf(labels) {
  const countsItself = labels.some((one) => /^\d$/.test(one.key));
  const small = labels.map((one) => one.key.toLowerCase());
  return labels.map((one, index) => {
    const isTaken = NAVIGATION.includes(small[index]);
    const hasTwin = small.indexOf(small[index]) !== small.lastIndexOf(small[index]);
    return {
      ...one,
      key: isTaken ? one.key.toUpperCase() : one.key,
      exact: isTaken || hasTwin || !isLetter(one.key),
      digit: !countsItself && index < 9 ? String(index + 1) : null,
    };
  });
}

// The label that a pressed key says; null where it says none.
export function labelFor(labels, pressed) {
  const keys = keysOf(labels);
  const said = keys.find((one) => (one.exact ? one.key === pressed : one.key.toLowerCase() === pressed.toLowerCase()));
  return said ?? keys.find((one) => one.digit === pressed) ?? null;
}

// How a key is written: a capital letter that must be one is pressed with the shift key.
export const shownKey = (one) => (one.exact && isLetter(one.key) && one.key === one.key.toUpperCase() ? `Shift+${one.key}` : isLetter(one.key) ? one.key.toLowerCase() : one.key);
