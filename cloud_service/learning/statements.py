"""What reviewers said of marks whose labels are statements: of each that it is made, that it is not, or nothing.

A reader who says of a mark that all is said has spoken of every statement. Where nobody has, only words on statements
that the model had made count: which of those are read does not depend on the truth, while a statement that somebody
adds is known because it is there, and would teach that everything is more probable than it is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_service.learning.reviewed import WHOLE, ReviewedMark

UNSAID = 255
"""In the place of a statement that nobody spoke of; 1 where it is made and 0 where it is not."""
ADDED = "a statement was added or ruled out where nobody said that all is said"
DISAGREE = "reviewers disagree"
DENIED = "deny"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SaidOf:
    """A mark with what its readers agree on: by statement whether it is made; `first` is the first word on it."""

    first: ReviewedMark
    said: dict[str, bool]
    reviewers: tuple[str, ...]

    def row(self, classes: Sequence[str]) -> NDArray[np.uint8]:
        """Write it as a row of a data set, shape (class,)."""
        return np.array([UNSAID if code not in self.said else int(self.said[code]) for code in classes], np.uint8)


def agreed(words: Iterable[ReviewedMark], classes: Sequence[str], missing: Counter[str]) -> list[SaidOf]:
    """Put the words on each mark together; what teaches nothing is counted in `missing`."""
    by_place: dict[tuple[str, tuple[str, ...], int], list[ReviewedMark]] = {}
    for word in words:
        by_place.setdefault((word.recording, word.leads, word.start), []).append(word)
    kept = []
    for place in sorted(by_place):
        spoken = sorted(by_place[place], key=lambda word: (word.finding, word.reviewer, word.label))
        said = _together(_by_reader(spoken, classes, missing), missing)
        if said:
            kept.append(SaidOf(first=spoken[0], said=said, reviewers=tuple(sorted({one.reviewer for one in spoken}))))
    return kept


def _by_reader(words: Sequence[ReviewedMark], classes: Sequence[str], missing: Counter[str]) -> list[dict[str, bool]]:
    readers = sorted({word.reviewer for word in words})
    return [_of_reader([word for word in words if word.reviewer == one], classes, missing) for one in readers]


def _of_reader(words: Sequence[ReviewedMark], classes: Sequence[str], missing: Counter[str]) -> dict[str, bool]:
    stated = words[0].stated
    said = _together([{word.label: word.verdict != DENIED} for word in words if word.verdict != WHOLE], missing)
    if any(word.verdict == WHOLE for word in words):
        return {code: code in stated for code in classes} | said
    beside = [code for code in said if code not in stated]
    missing[ADDED] += len(beside)
    return {code: is_made for code, is_made in said.items() if code in stated}


def _together(readers: Sequence[dict[str, bool]], missing: Counter[str]) -> dict[str, bool]:
    codes = sorted({code for said in readers for code in said})
    heard = {code: {said[code] for said in readers if code in said} for code in codes}
    missing[DISAGREE] += sum(len(words) > 1 for words in heard.values())
    return {code: words.pop() for code, words in heard.items() if len(words) == 1}
