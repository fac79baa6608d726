"""Beat-by-beat comparison of two annotation files, as ANSI/AAMI EC57 asks and WFDB's `bxb` does it.

Upper-case rows are the reference, lower-case columns the test; O and X mean "no counterpart" (X: in a shutdown).

Source
------
ANSI/AAMI EC57:1998; bemoody/wfdb@de6b1d3 app/bxb.c and app/sumstats.c. Departures: none of the non-standard switches;
the single-marker shutdown of AHA recordings is not read (a shutdown is `~` with subtype bits 0x30 until one without).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.scoring.score import Annotations

CLASSES = ("N", "S", "V", "F", "Q")
ROWS = (*CLASSES, "O", "X")
N, S, V, F, Q, O, X = range(7)  # noqa: E741 - the standard's own letters
MATCH_S = 0.150
LEARNING_S = 300.0

_CLASS_OF = {
    **dict.fromkeys("NLRB", N),
    **dict.fromkeys("AaJSejn", S),
    **dict.fromkeys("VrE", V),
    "F": F,
    **dict.fromkeys("Q/f?", Q),
}
_FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Detection:
    """Counts of one kind of beat, and the two figures made of them; None where the denominator is zero."""

    tp: int
    fn: int
    fp: int

    @property
    def sensitivity(self) -> float | None:
        """Share of the reference's beats that were found, Se."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def positive_predictivity(self) -> float | None:
        """Share of the test's beats that are right, +P."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None


@dataclass(frozen=True, slots=True, eq=False)
class BeatScore:
    """What a comparison counted.

    Parameters
    ----------
    matrix : int64, shape (7, 7): rows N S V F Q O X of the reference, columns n s v f q o x of the test.
    rr_error_s : root mean square difference of RR intervals over neighbouring pairs, None without any.
    """

    matrix: NDArray[np.int64]
    rr_error_s: float | None = None

    @property
    def qrs(self) -> Detection:
        """Beats found, whatever they are called."""
        m = self.matrix
        return Detection(int(m[:O, :O].sum()), int(m[:O, O:].sum()), int(m[O:, :O].sum()))

    @property
    def v(self) -> Detection:
        """Ventricular ectopic beats; F and Q called V are not counted against it."""
        return self._kind(V, (N, S, O, X))

    @property
    def s(self) -> Detection:
        """Supraventricular ectopic beats as `bxb` reports a record: F called S counts against it, Q does not."""
        return self._kind(S, (N, V, F, O, X))

    @property
    def s_sumstats(self) -> Detection:
        """The same as `sumstats` pools it: F called S is not counted."""
        return self._kind(S, (N, V, O, X))

    @property
    def f(self) -> Detection:
        """Fusion beats. EC57 defines no figure; every beat wrongly called F counts."""
        return self._kind(F, (N, S, V, Q, O, X))

    def _kind(self, kind: int, wrong: tuple[int, ...]) -> Detection:
        tp = int(self.matrix[kind, kind])
        return Detection(tp, int(self.matrix[kind].sum()) - tp, int(self.matrix[list(wrong), kind].sum()))


KINDS: Mapping[str, Callable[[BeatScore], Detection]] = {
    "QRS": lambda score: score.qrs,
    "V": lambda score: score.v,
    "S": lambda score: score.s,
    "F": lambda score: score.f,
}
"""What is counted for itself: beats whatever they are called, and each ectopic kind."""
ECTOPIC = ("V", "S")
"""The kinds for which the standard defines figures."""


def gross(scores: Iterable[BeatScore]) -> BeatScore:
    """Pool the counts of several records. `rr_error_s` is not pooled."""
    return BeatScore(sum((score.matrix for score in scores), np.zeros((7, 7), np.int64)))


def average(scores: Iterable[BeatScore], kind: Callable[[BeatScore], Detection]) -> tuple[float | None, float | None]:
    """Give the mean Se and +P of the records, each over those where it is defined."""
    found = [kind(score) for score in scores]
    return (
        _mean([value for one in found if (value := one.sensitivity) is not None]),
        _mean([value for one in found if (value := one.positive_predictivity) is not None]),
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def class_of(symbol: str, *, escape_is_s: bool = True) -> int | None:
    """Give the class of a WFDB beat code, None for what is not a beat.

    `bxb` counts atrial and nodal escape beats (e, j) as S; most papers count them as N: `escape_is_s` False. n is S.
    """
    if not escape_is_s and symbol in ("e", "j"):
        return N
    return _CLASS_OF.get(symbol)


@dataclass(frozen=True, slots=True)
class _Side:
    """One file as the comparison reads it: beats outside VF, and the stretches of VF and shutdown."""

    beats: list[tuple[int, int]]
    fibrillation: list[tuple[int, int]]
    shutdown: list[tuple[int, int]]


def _read(annotations: Annotations, *, escape_is_s: bool) -> _Side:
    side = _Side([], [], [])
    vf_from: int | None = None
    off_from: int | None = None
    subtypes = annotations.subtypes if annotations.subtypes is not None else [0] * len(annotations.symbols)
    for sample, symbol, subtype in zip(annotations.samples, annotations.symbols, subtypes, strict=True):
        at = int(sample)
        if symbol == "[":
            vf_from = at if vf_from is None else vf_from
        elif symbol == "]" and vf_from is not None:
            side.fibrillation.append((vf_from, at))
            vf_from = None
        elif symbol == "~":
            if int(subtype) & 0x30 == 0x30:
                off_from = at if off_from is None else off_from
            elif off_from is not None:
                side.shutdown.append((off_from, at))
                off_from = None
        elif vf_from is None and (kind := class_of(symbol, escape_is_s=escape_is_s)) is not None:
            side.beats.append((at, kind))
    if vf_from is not None:
        side.fibrillation.append((vf_from, _FAR))
    if off_from is not None:
        side.shutdown.append((off_from, _FAR))
    return side


def _within(at: int, stretches: list[tuple[int, int]]) -> bool:
    return any(first <= at <= last for first, last in stretches)


@dataclass(frozen=True, slots=True)
class Pair:
    """A reference beat and its counterpart; the sample is None and the kind O or X where there is none."""

    reference: int | None
    reference_kind: int
    test: int | None
    test_kind: int


def match_beats(
    reference: Annotations,
    test: Annotations,
    *,
    fs_hz: float,
    start: int,
    end: int | None = None,
    escape_is_s: bool = True,
    match_s: float = MATCH_S,
) -> list[Pair]:
    """Pair the beats of two files, in order, as `bxb` does.

    Parameters
    ----------
    fs_hz : the rate both files count samples at.
    start : first sample compared; beats before it are the learning period.
    end : last sample compared; the last reference annotation unless given.
    match_s : how far apart two beats of a pair may be. Say so in print when it is not the standard's.

    Raises
    ------
    BadInput : a rate that is not positive.
    """
    if not fs_hz > 0:
        raise BadInput("the sampling frequency must be positive", fs_hz=fs_hz)
    window = int(match_s * fs_hz + 0.5)
    ref, tst = _read(reference, escape_is_s=escape_is_s), _read(test, escape_is_s=escape_is_s)
    last = end if end is not None else max((int(sample) for sample in reference.samples), default=-1)
    ours = [beat for beat in ref.beats if beat[0] >= start]
    theirs, skippable = _from_start(ours, tst.beats, start=start, window=window)
    return _walk(ours, theirs, ref, tst, last=last, window=window, skippable=skippable)


def _from_start(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]], *, start: int, window: int
) -> tuple[list[tuple[int, int]], int | None]:
    """Choose the first test beat: one of the learning period where it belongs to the first scored reference beat.

    Also gives the sample of a leading test beat that is not charged when it stays alone.
    """
    scored = [beat for beat in theirs if beat[0] >= start]
    before = [beat for beat in theirs if beat[0] < start]
    if ours and before:
        distance = ours[0][0] - before[-1][0]
        if distance <= window and (not scored or distance < abs(ours[0][0] - scored[0][0])):
            return [before[-1], *scored], None
    return scored, scored[0][0] if scored and scored[0][0] - start <= window else None


def _walk(
    ours: list[tuple[int, int]],
    theirs: list[tuple[int, int]],
    ref: _Side,
    tst: _Side,
    *,
    last: int,
    window: int,
    skippable: int | None,
) -> list[Pair]:
    pairs: list[Pair] = []
    padded, other = [*ours, (_FAR, Q), (_FAR, Q)], [*theirs, (_FAR, Q), (_FAR, Q)]
    i = j = 0
    while padded[i][0] <= last or other[j][0] <= last:
        (at, kind), (at_next, _) = padded[i], padded[i + 1]
        (found, called), (found_next, _) = other[j], other[j + 1]
        if found < at:
            to_next = abs(at - found_next)
            near = at - found <= window and (at - found < to_next or abs(at_next - found_next) < to_next)
        else:
            to_next = abs(found - at_next)
            near = found - at <= window and (found - at < to_next or abs(found_next - at_next) < to_next)
        if near:
            pairs.append(Pair(at, kind, found, called))
            i, j = i + 1, j + 1
        elif found < at:
            if not _within(found, ref.fibrillation) and found != skippable:
                pairs.append(Pair(None, X if _within(found, ref.shutdown) else O, found, called))
            j += 1
        else:
            pairs.append(Pair(at, kind, None, X if _within(at, tst.shutdown) else O))
            i += 1
    return pairs


def score_pairs(pairs: Sequence[Pair], *, fs_hz: float) -> BeatScore:
    """Count pairs into a matrix, and compare the RR intervals of neighbouring pairs."""
    matrix = np.zeros((7, 7), np.int64)
    errors: list[float] = []
    before: Pair | None = None
    for pair in pairs:
        matrix[pair.reference_kind, pair.test_kind] += 1
        whole = pair.reference is not None and pair.test is not None
        if whole and before is not None:
            errors.append(_rr_difference(before, pair) / fs_hz)
        before = pair if whole else None
    return BeatScore(matrix, float(np.sqrt(np.mean(np.square(errors)))) if errors else None)


def _rr_difference(before: Pair, pair: Pair) -> int:
    assert pair.reference is not None
    assert pair.test is not None
    assert before.reference is not None
    assert before.test is not None
    return (pair.reference - before.reference) - (pair.test - before.test)


def score_record(
    reference: Annotations,
    test: Annotations,
    *,
    fs_hz: float,
    start_s: float = LEARNING_S,
    end: int | None = None,
    escape_is_s: bool = True,
    match_s: float = MATCH_S,
) -> BeatScore:
    """Compare two files of one record.

    Parameters
    ----------
    start_s : length of the learning period; EC57 says five minutes. Say so in print when it is another.
    end : last sample compared; give the record's length, else the last reference annotation counts.
    match_s : how far apart two beats of a pair may be. Say so in print when it is not the standard's.
    """
    start = int(start_s * fs_hz + 0.5)
    pairs = match_beats(reference, test, fs_hz=fs_hz, start=start, end=end, escape_is_s=escape_is_s, match_s=match_s)
    return score_pairs(pairs, fs_hz=fs_hz)
