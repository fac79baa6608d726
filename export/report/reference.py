"""What the annotations of a recording say of the patient, in seconds: beats, rhythms, fibrillation, runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from biosignal.scoring.ec57 import F, V, class_of
from export.report.reading import Signals

Stretch = tuple[float, float]
FIBRILLATION = ("VF", "VFIB", "VFL")
TACHYCARDIA = ("VT",)
RUN_BEATS = 3
"""EC57 calls so many ventricular or fusion beats in a row a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Consecutive ventricular or fusion beats, from the first to the last."""

    start_s: float
    end_s: float
    rate_per_min: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Annotations of one recording; `beats_s` are outside fibrillation, `rhythms` are (name, start, end)."""

    seconds: float
    beats_s: tuple[float, ...]
    rhythms: tuple[tuple[str, float, float], ...]
    fibrillation: tuple[Stretch, ...]
    runs: tuple[Run, ...]

    def of_rhythm(self, names: Sequence[str]) -> list[Stretch]:
        """The stretches of some rhythms."""
        return [(start, end) for name, start, end in self.rhythms if name in names]


def reference_of(signals: Signals) -> Reference:
    """Read the annotations of a recording; without any it says nothing."""
    seconds = signals.seconds
    rhythms = tuple(_rhythms(signals, seconds))
    marked = list(_between_brackets(signals, seconds))
    fibrillation = joined([*marked, *((start, end) for name, start, end in rhythms if name in FIBRILLATION)])
    beats = [(at, kind) for at, kind in _beats(signals) if not any(start < at < end for start, end in fibrillation)]
    return Reference(
        seconds=seconds,
        beats_s=tuple(at for at, _ in beats),
        rhythms=rhythms,
        fibrillation=tuple(fibrillation),
        runs=tuple(_runs(beats)),
    )


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches in order, those that touch or overlap made one."""
    whole: list[Stretch] = []
    for start, end in sorted(stretches):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def overlaps(stretches: Sequence[Stretch], start_s: float, end_s: float) -> bool:
    """Whether one of the stretches has a part in [start_s, end_s]."""
    return any(first <= end_s and last >= start_s for first, last in stretches)


def _annotated(signals: Signals) -> Iterator[tuple[float, str, str]]:
    if signals.reference is not None:
        for sample, symbol, aux in zip(signals.reference.samples, signals.reference.symbols, signals.aux, strict=True):
            yield int(sample) / signals.fs_hz, symbol, aux


def _beats(signals: Signals) -> list[tuple[float, int]]:
    return [(at, kind) for at, symbol, _ in _annotated(signals) if (kind := class_of(symbol)) is not None]


def _rhythms(signals: Signals, seconds: float) -> Iterator[tuple[str, float, float]]:
    """A rhythm lasts until another one begins, or to the end."""
    changes = [(at, aux[1:]) for at, symbol, aux in _annotated(signals) if symbol == "+" and aux.startswith("(")]
    ends = [*(at for at, _ in changes[1:]), seconds]
    for (start, name), end in zip(changes, ends, strict=False):
        yield name, start, end


def _between_brackets(signals: Signals, seconds: float) -> Iterator[Stretch]:
    begun: float | None = None
    for at, symbol, _ in _annotated(signals):
        if symbol == "[" and begun is None:
            begun = at
        elif symbol == "]" and begun is not None:
            yield begun, at
            begun = None
    if begun is not None:
        yield begun, seconds


def _runs(beats: Sequence[tuple[float, int]]) -> Iterator[Run]:
    row: list[float] = []
    for at, kind in [*beats, (0.0, -1)]:
        if kind in (V, F):
            row.append(at)
            continue
        if len(row) >= RUN_BEATS and row[-1] > row[0]:
            yield Run(start_s=row[0], end_s=row[-1], rate_per_min=60 * (len(row) - 1) / (row[-1] - row[0]))
        row = []
