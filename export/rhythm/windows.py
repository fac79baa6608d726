"""Windows to train on: strips as the device would see them, disturbed; flutter made up; intervals of other patients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.tasks.ecg_beats.windows import BEFORE, LENGTH, RATE_HZ
from biosignal.tasks.ecg_rhythm.kinds import CLASSES
from biosignal.tasks.ecg_rhythm.seen import BEATS, LONGEST_S, SHORTEST_S, intervals_of
from export.rhythm.corpus import AF, AFL, SINUS, Strip
from export.rhythm.histories import FIBRILLATION, RARE, UNUSUAL, Histories, allowed

SHARES: Mapping[tuple[str, str], int] = {
    ("cinc2017", "sinus"): 18,
    ("cinc2017", "af"): 12,
    ("cinc2017", "other-rhythm"): 16,
    ("cinc2017", "unclear"): 4,
    ("ptbxl", "sinus"): 9,
    ("ptbxl", "af"): 7,
    ("ptbxl", "other-rhythm"): 5,
    ("ptbxl", "afl"): 2,
}
"""Windows of each set and kind in a batch."""
HEARD_ALONE = 96
"""Histories in a batch that have no beats to look at."""
AT_END, MADE_FLUTTER, OTHER_PATIENT, UNSEEN = 0.35, 0.06, 0.30, 0.12
"""How often a window ends with its strip; is turned into flutter; is given intervals of another patient in the same
rhythm; has its beats hidden."""
LONG_SHARE = 0.35
"""Histories from the set of long recordings, where it has the rhythm."""
LENGTHS = (6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
P_WAVE = slice(BEFORE - 38, BEFORE - 7)
"""What is drawn as a straight line where flutter takes the place of the P wave."""

Values = NDArray[np.float32]
Array = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of the network and, shape (window, class), 1 for each class that a window may be of.

    `strips` is how many windows come first that have beats to look at.
    """

    intervals: Values
    beats: Values
    around: Values
    seen: Values
    allowed: Values
    strips: int


class Drawing:
    """Draws batches from strips and histories."""

    def __init__(self, strips: Sequence[Strip], known: Histories, random: Random) -> None:
        self._random = random
        self._groups: dict[tuple[str, str], list[Strip]] = {}
        for strip in strips:
            if np.isfinite(strip.rr_s).sum() >= 4:
                self._groups.setdefault((strip.group, kind_of(strip)), []).append(strip)
        self._plan = [group for group, count in SHARES.items() if group in self._groups for _ in range(count)]
        self._known = known
        long = np.char.startswith(known.patient, "ltafdb")
        self._by_rhythm = [
            (np.flatnonzero((known.rhythm == index) & ~long), np.flatnonzero((known.rhythm == index) & long), one)
            for index, one in enumerate(known.rhythms)
        ]
        self._fibrillation = np.flatnonzero(self._is([one for one in known.rhythms if allowed(one) == FIBRILLATION]))
        self._sinus = np.flatnonzero(
            self._is([one for one in known.rhythms if allowed(one) == UNUSUAL and one not in RARE])
        )

    def _is(self, names: Sequence[str]) -> NDArray[np.bool_]:
        wanted = [index for index, one in enumerate(self._known.rhythms) if one in names]
        return np.isin(self._known.rhythm, wanted)

    def batch(self) -> Batch:
        """Draw the next batch."""
        random = self._random
        looks, histories, classes = [], [], []
        for group in self._plan:
            strip = self._groups[group][random.integers(len(self._groups[group]))]
            look, history, may_be = self._window(strip)
            looks.append(disturbed(*look, random))
            histories.append(shortened(spoilt(history, random)))
            classes.append(may_be)
        intervals = intervals_of(histories)
        for place, may_be in enumerate(classes):
            others = self._fibrillation if may_be == (AF,) else self._sinus if may_be == (SINUS,) else None
            if others is not None and len(others) and random.random() < OTHER_PATIENT:
                intervals[place] = self._known.described[others[random.integers(len(others))]]
        beats, around, seen = (np.stack([look[index] for look in looks]) for index in range(3))
        seen = seen * (random.random(len(seen)) >= UNSEEN)[:, None]
        alone, alone_classes = self._alone()
        hidden = len(alone)
        return Batch(
            intervals=np.concatenate([intervals, alone]),
            beats=np.concatenate([beats, np.zeros((hidden, *beats.shape[1:]), np.float32)]),
            around=np.concatenate([around, np.zeros((hidden, *around.shape[1:]), np.float32)]),
            seen=np.concatenate([seen, np.zeros((hidden, BEATS), np.float32)]).astype(np.float32),
            allowed=_as_rows([*classes, *alone_classes]),
            strips=len(classes),
        )

    def _window(self, strip: Strip) -> tuple[tuple[Values, Values, Values], Array, tuple[int, ...]]:
        random, count = self._random, len(strip)
        is_last = count < 10 or random.random() < AT_END
        last = strip.last_beats(count - 1 if is_last else int(random.integers(7, count)))
        look, history = last.looks(), last.history()
        if strip.allowed in ((AF,), (SINUS,)) and random.random() < MADE_FLUTTER:
            look, history = flutter(*look, random)
            return look, history, (AFL,)
        return look, history, strip.allowed

    def _alone(self) -> tuple[Values, list[tuple[int, ...]]]:
        """Histories of both sets: a third fibrillation, a third sinus rhythm, a third anything else."""
        random, chosen, classes = self._random, [], []
        there = [one for one in self._by_rhythm if len(one[0]) + len(one[1])]
        kinds = {
            "fibrillation": [one for one in there if allowed(one[2]) == FIBRILLATION],
            "sinus": [one for one in there if allowed(one[2]) == UNUSUAL and one[2] not in RARE],
            "other": [one for one in there if allowed(one[2]) not in (FIBRILLATION, UNUSUAL) or one[2] in RARE],
        }
        groups = [group for group in kinds.values() if group]
        for place in range(HEARD_ALONE):
            group = groups[place % len(groups)]
            is_long = random.random() < LONG_SHARE
            fitting = [one for one in group if len(one[1 if is_long else 0])] or group
            short, long, name = fitting[random.integers(len(fitting))]
            pool = long if (is_long and len(long)) or not len(short) else short
            chosen.append(pool[random.integers(len(pool))])
            classes.append(allowed(name))
        return self._known.described[chosen], classes


def kind_of(strip: Strip) -> str:
    """Name the first class a strip may be of; where sinus rhythm is one of several, that."""
    return CLASSES[AFL] if strip.allowed == (AFL,) else _KINDS.get(strip.allowed[0], CLASSES[3])


_KINDS = {SINUS: CLASSES[SINUS], AF: CLASSES[AF], 4: CLASSES[4]}


def _as_rows(classes: Sequence[tuple[int, ...]]) -> Values:
    rows = np.zeros((len(classes), len(CLASSES)), np.float32)
    for row, may_be in zip(rows, classes, strict=True):
        row[list(may_be)] = 1.0
    return rows


def shortened(log_s: Array) -> Array:
    """Leave out the oldest intervals until there are as many as one of `LENGTHS`: those are described together."""
    return log_s[-max((one for one in LENGTHS if one <= len(log_s)), default=0) :] if len(log_s) else log_s


def spoilt(log_s: Array, random: Random) -> Array:
    """Miss and move beats in four of ten histories."""
    if len(log_s) <= 10 or random.random() >= 0.4:
        return log_s
    beats_s = np.concatenate([[0.0], np.cumsum(np.exp(log_s))])
    beats_s += random.normal(0.0, random.choice([0.004, 0.010]), len(beats_s))
    kept = random.random(len(beats_s)) >= random.choice([0.0, 0.02, 0.04])
    kept[-1] = True
    between = np.diff(np.sort(beats_s[kept]))
    between = between[(between > 0.15) & (between <= LONGEST_S)]
    return np.log(np.maximum(between, SHORTEST_S)) if len(between) >= 6 else log_s


def disturbed(beats: Values, around: Values, seen: Values, random: Random) -> tuple[Values, Values, Values]:
    """Change size, polarity and place of the beats, add noise, hide some."""
    beats = beats * np.exp(random.normal(0.0, 0.1))
    if random.random() < 0.15:
        beats = -beats
    beats = np.roll(beats, int(random.integers(-3, 4)), axis=1)
    if random.random() < 0.5:
        noise = random.normal(0.0, 1.0, beats.shape)
        if random.random() < 0.5:
            noise = np.cumsum(noise, axis=1) * 0.25
            noise -= noise.mean(axis=1, keepdims=True)
        beats = beats + np.exp(random.uniform(np.log(0.01), np.log(0.12))) * noise
    if random.random() < 0.3:
        seen = seen * (random.random(len(seen)) > random.uniform(0.0, 0.5))
    return beats.astype(np.float32), around, seen.astype(np.float32)


def flutter(beats: Values, around: Values, seen: Values, random: Random) -> tuple[tuple[Values, Values, Values], Array]:
    """Make flutter of sinus rhythm or fibrillation: a sawtooth that each QRS follows at the same place of a tooth.

    The intervals are whole numbers of teeth: always as many, or changing.
    """
    rate_hz = random.uniform(3.6, 5.6)
    there = np.flatnonzero(seen > 0)
    count = max(len(there), 10) + 54
    if random.random() < 0.5:
        teeth = np.full(count, random.choice([2, 3, 4, 5], p=[0.4, 0.15, 0.35, 0.1]))
    else:
        teeth = random.choice([2, 3, 4, 5, 6], size=count, p=random.dirichlet([1.5, 0.7, 1.5, 0.4, 0.3]))
    while np.median(teeth) / rate_hz < 0.3:
        teeth = teeth + 1
    log_s = np.log(np.clip(teeth / rate_hz * np.exp(random.normal(0.0, 0.012, count)), 0.25, LONGEST_S))
    beats = beats.copy()
    if random.random() < 0.8:
        first, last = P_WAVE.start, P_WAVE.stop
        for place in there:
            beats[place, P_WAVE] = np.linspace(beats[place, first], beats[place, last], last - first)
    at_s = (np.arange(LENGTH) - BEFORE) / RATE_HZ
    phase, size, rise = random.random(), np.exp(random.normal(np.log(0.12), 0.5)), random.uniform(0.5, 0.95)
    for place in there:
        turn = (rate_hz * at_s + phase + random.normal(0.0, 0.02)) % 1.0
        tooth = np.where(turn < rise, turn / rise, (1.0 - turn) / (1.0 - rise)) * 2.0 - 1.0
        beats[place] += size * np.convolve(tooth, np.full(5, 0.2), "same")
    around = around.copy()
    if len(there):
        own = log_s[-len(there) :]
        apart = own - np.median(own)
        around[there, 0], around[there, 1] = apart, np.append(apart[1:], 0.0)
    kept = log_s[-int(random.choice([8, 12, 16, 32, 64])) :]
    return (beats, around, seen), kept
