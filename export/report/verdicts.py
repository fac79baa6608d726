"""Whether an alarm was true: what it said, held against what is known of the patient.

An alarm is of a stretch, from the onset it gives to when it was decided; the condition has to be there, give or take
`TOLERANCE_S`. What cannot be known from a set is left unscored and counted apart, never as true or false.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from itertools import pairwise

from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from export.report.analysed import Said
from export.report.pulse import goes_on, pulses_of
from export.report.reading import Signals
from export.report.reference import FIBRILLATION, TACHYCARDIA, Reference, overlaps, reference_of
from export.report.sets import NORMAL, Truth

TOLERANCE_S = 0.150
LAST_S = 16.0
"""A bedside monitor's alarm stands at the end of a record: ours is about the same event in the seconds before."""
LIMITS = RhythmLimits()
VF = "vf"
ARREST = ("asystole", "vt", "v-run", "pause", "bradycardia", "tachycardia")
"""Kinds that speak of another rhythm where there is fibrillation: right to sound, wrong in what they say."""


class Verdict(str, Enum):
    """What an alarm was worth; `MISNAMED`: there was an arrest, and of another kind."""

    TRUE = "true"
    FALSE = "false"
    MISNAMED = "misnamed"
    UNSCORED = "unscored"


Check = Callable[[Said], Verdict]


def check_for(truth: Truth, signals: Signals, label: Sequence[str] = ()) -> Check:
    """Give what decides about the alarms of one recording."""
    known = reference_of(signals)
    if truth in (Truth.BEATS, Truth.QRS) and signals.reference is not None:
        return lambda said: _by_beats(said, known, typed=truth is Truth.BEATS)
    if truth is Truth.RHYTHMS and signals.reference is not None:
        return lambda said: _by_rhythm(said, known)
    if truth is Truth.LAST_ALARM and len(label) == 2:
        pulses = pulses_of(signals)
        return lambda said: _by_last_alarm(said, *label, end_s=signals.seconds, pulse=pulses)
    if truth is Truth.NORMAL and tuple(label) == (NORMAL,):
        return lambda _: Verdict.FALSE
    return lambda _: Verdict.UNSCORED


def _span(said: Said) -> tuple[float, float]:
    return said.onset_s - TOLERANCE_S, said.decided_s + TOLERANCE_S


def _by_beats(said: Said, known: Reference, *, typed: bool) -> Verdict:
    span = _span(said)
    in_vt = overlaps(known.of_rhythm(TACHYCARDIA), *span)
    if said.kind == VF:
        return _of(overlaps(known.fibrillation, *span), misnamed=in_vt)
    if said.kind not in ARREST:
        return Verdict.UNSCORED
    misnamed = overlaps(known.fibrillation, *span)
    if said.kind in ("vt", "v-run"):
        least = LIMITS.vt_rate_per_min if said.kind == "vt" else 0.0
        runs = [(run.start_s, run.end_s) for run in known.runs if run.rate_per_min >= least]
        if in_vt or overlaps(runs, *span):
            return Verdict.TRUE
        return Verdict.MISNAMED if misnamed else Verdict.FALSE if typed else Verdict.UNSCORED
    return Verdict.MISNAMED if misnamed else _of(_RULES[said.kind](said, known))


def _of(is_true: bool, *, misnamed: bool = False) -> Verdict:
    return Verdict.TRUE if is_true else Verdict.MISNAMED if misnamed else Verdict.FALSE


def _silent(said: Said, known: Reference, least_s: float) -> bool:
    """Whether an interval without a beat, of so many seconds, has a part in what the alarm is of."""
    beats = [0.0, *known.beats_s, known.seconds]
    holes = [(a, b) for a, b in pairwise(beats) if b - a >= least_s - TOLERANCE_S]
    # A neighbouring interval touches with its last beat: it has to reach into the stretch.
    return overlaps(holes, said.onset_s + TOLERANCE_S, said.decided_s)


def _rate(said: Said, known: Reference) -> float:
    """The rate of the annotated beats in the stretch that the alarm is of, in beats a minute."""
    first, last = said.onset_s - TOLERANCE_S, max(said.end_s, said.onset_s) + TOLERANCE_S
    inside = [at for at in known.beats_s if first <= at <= last]
    return 60 * (len(inside) - 1) / (inside[-1] - inside[0]) if len(inside) >= 2 else 0.0


_RULES: dict[str, Callable[[Said, Reference], bool]] = {
    "asystole": lambda said, known: _silent(said, known, LIMITS.asystole_s),
    "pause": lambda said, known: _silent(said, known, LIMITS.pause_s),
    "bradycardia": lambda said, known: _rate(said, known) < LIMITS.bradycardia_per_min + LIMITS.rate_margin_per_min,
    "tachycardia": lambda said, known: _rate(said, known) > LIMITS.tachycardia_per_min - LIMITS.rate_margin_per_min,
}

_BY_RHYTHM: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "vf": (FIBRILLATION, (), True),
    "vt": (TACHYCARDIA, ("HGEA",), True),
    "v-run": ((*TACHYCARDIA, "VER", "HGEA"), (), False),
    "asystole": (("ASYS",), (), True),
    "pause": (("ASYS",), (), False),
    "bradycardia": (("SBR", "ASYS"), (), False),
    "tachycardia": ((*TACHYCARDIA, "SVTA"), (), False),
}
"""For each kind: rhythms in which it is true, those in which nobody knows, and whether it is false elsewhere."""


def _by_rhythm(said: Said, known: Reference) -> Verdict:
    """Without beats, a short run or a rate outside these rhythms cannot be checked; in noise nothing high is true."""
    if said.kind not in _BY_RHYTHM:
        return Verdict.UNSCORED
    span = _span(said)
    right, open_, is_complete = _BY_RHYTHM[said.kind]
    if overlaps(known.of_rhythm(right), *span):
        return Verdict.TRUE
    arrest = TACHYCARDIA if said.kind == VF else FIBRILLATION
    if overlaps(known.of_rhythm(arrest), *span):
        return Verdict.MISNAMED
    if overlaps(known.of_rhythm(open_), *span) or not is_complete:
        return Verdict.UNSCORED
    return Verdict.FALSE


NAMED: dict[str, tuple[str, ...]] = {
    "Asystole": ("asystole",),
    "Bradycardia": ("bradycardia",),
    "Tachycardia": ("tachycardia",),
    "Ventricular_Tachycardia": ("vt", "v-run"),
    "Ventricular_Flutter_Fib": ("vf",),
}
"""Our kinds for the names of the challenge of 2015."""


def _by_last_alarm(said: Said, named: str, is_true: str, *, end_s: float, pulse: Sequence[object]) -> Verdict:
    """By the label where the alarm is the one at the end; else asystole is false where the pulse goes on."""
    in_time = said.decided_s >= end_s - LAST_S
    if in_time and said.kind in NAMED[named]:
        return _of(is_true == "1")
    if in_time and is_true == "1" and named == "Ventricular_Flutter_Fib" and said.kind in ARREST:
        return Verdict.MISNAMED
    if said.kind == "asystole" and goes_on(pulse, said.onset_s, said.decided_s):  # type: ignore[arg-type]
        return Verdict.FALSE
    return Verdict.UNSCORED
