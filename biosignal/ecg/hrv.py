"""Heart rate variability by the names and definitions of the Task Force of 1996.

Only intervals between two normal sinus beats count (NN). Nothing is put in the place of an interval that does not: the
measures over time leave it out, and the spectrum is that of Lomb and Scargle, which takes the intervals where they lie.
A spectrum by Welch would have to interpolate them to an even rate, which lowers high frequencies and invents values
where beats were left out.

A measure is absent where the Task Force does not define it for so much signal, or where too many intervals are no NN
intervals, and the reason says so. Measures over windows of five minutes and over a whole recording are never mixed.

Source
------
Task Force of the European Society of Cardiology and the North American Society of Pacing and Electrophysiology,
Circulation 93 (1996) 1043-1065. Departures: the spectrum of a window is tapered (Hann) and has its straight line taken
off; of a long recording VLF is the mean over its hours, LF and HF over its windows of five minutes, ULF is of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.nn_intervals import Intervals
from biosignal.ecg.nn_spectrum import HOUR_BANDS, SHORT_BANDS, SLOW_BAND, band_powers, slow_power

Floats: TypeAlias = NDArray[np.float64]
_Filled: TypeAlias = tuple[float, NDArray[np.bool_]]

WINDOW_S = 300.0
HOUR_S = 3600.0
MOST_EXCLUDED = 0.2
"""With more than this share of intervals that are no NN intervals there is no variability to speak of."""
LEAST_FILLED = 0.8
"""NN intervals fill at least so much of a window of five minutes, or of an hour."""
LEAST_BEATS = 3
LEAST_FOR_SHAPE_S = 1200.0
"""The histogram of the NN intervals has a shape from 20 minutes on."""
LEAST_FOR_DAY_S = 18 * 3600.0
"""What is measured over 24 hours needs 18 hours of NN intervals."""
NN50_S = 0.050
BIN_S = 1 / 128

SHORT = ("sdnn", "rmssd", "pnn50", "vlf", "lf", "hf", "total", "lf_nu", "hf_nu", "lf_hf")
WHOLE = ("sdnn", "rmssd", "nn50", "pnn50", "triangular_index", "tinn")
DAY = ("sdann", "sdnn_index", "ulf", "vlf", "lf", "hf", "total")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A value, or None and why there is none. Times in ms, powers in ms^2, shares in %."""

    value: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A measure over the windows of five minutes: its mean, lowest and highest."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Variability:
    """What a recording's NN intervals say.

    Parameters
    ----------
    intervals, nn : how many RR intervals there were, and how many of them are NN intervals.
    excluded : how many were left out, by reason.
    nn_s : the length of all NN intervals together, in seconds.
    windows, windows_used : of five minutes: how many the recording has, and in how many enough is NN.
    short : measures of `SHORT` over those; empty where there is none, and `short_why` says why.
    whole, day : measures of `WHOLE` and of `DAY`.
    """

    intervals: int
    nn: int
    excluded: dict[str, int]
    nn_s: float
    windows: int
    windows_used: int
    short: dict[str, Spread]
    short_why: str
    whole: dict[str, Measured]
    day: dict[str, Measured]
    interpolated: int = field(default=0, init=False)

    @property
    def excluded_share(self) -> float | None:
        """Share of the intervals that are no NN intervals, 0 to 1; None without any."""
        return 1 - self.nn / self.intervals if self.intervals else None


def variability(intervals: Intervals, *, length_s: float) -> Variability:
    """Measure the variability of a recording of `length_s` seconds that begins at 0."""
    n, nn = len(intervals.rr_s), int(intervals.is_nn.sum())
    nn_s = float(intervals.rr_s[intervals.is_nn].sum())
    windows = int(length_s / WINDOW_S + 1e-9)
    filled = _filled_windows(intervals, length_s, WINDOW_S)
    measured = [one for start_s, inside in filled if (one := _window(intervals, inside, start_s)) is not None]
    short = {name: _spread([one[name] for one in measured]) for name in SHORT} if measured else {}
    refused = _refused(n, nn)
    return Variability(
        intervals=n,
        nn=nn,
        excluded=intervals.excluded(),
        nn_s=nn_s,
        windows=windows,
        windows_used=len(measured),
        short=short,
        short_why="" if measured else _why_no_window(windows),
        whole=_whole(intervals, nn_s, refused),
        day=_day(intervals, length_s, short, refused),
    )


def sdnn_ms(nn_s: Floats) -> float:
    """Give the standard deviation of NN intervals in ms; at least two."""
    return float(np.std(nn_s, ddof=1)) * 1e3


def successive_s(intervals: Intervals, nn: NDArray[np.bool_] | None = None) -> Floats:
    """Give the differences of neighbouring NN intervals in s: both are NN (or of those given), none lies between."""
    chosen = intervals.is_nn if nn is None else nn
    pairs = chosen[1:] & chosen[:-1] & intervals.follows[1:]
    return np.diff(intervals.rr_s)[pairs]


def rmssd_ms(differences_s: Floats) -> float:
    """Give the root mean square of successive differences in ms; 0 without any."""
    return float(np.sqrt(np.mean(differences_s**2))) * 1e3 if len(differences_s) else 0.0


def nn50(differences_s: Floats) -> int:
    """Count the differences of more than 50 ms."""
    # A hair beside the limit is rounding: intervals are counted in samples.
    return int(np.sum(np.abs(differences_s) > NN50_S + 1e-9))


def histogram(nn_s: Floats) -> tuple[NDArray[np.int64], float]:
    """Count NN intervals in bins of 1/128 s; the counts, and where the first bin begins, in s."""
    bins = np.floor(nn_s / BIN_S + 1e-9).astype(np.int64)
    first = int(bins.min())
    return np.bincount(bins - first).astype(np.int64), first * BIN_S


def triangular_index(counts: NDArray[np.int64]) -> float:
    """Give all NN intervals by the height of the histogram's mode."""
    return float(counts.sum() / counts.max())


def tinn_ms(counts: NDArray[np.int64]) -> float:
    """Give the width of the triangle that fits the histogram best, its top at the mode, in ms.

    Its base [N, M] has the least squared difference from the histogram on either side of the mode.
    """
    top = int(counts.argmax())
    left, right = _slope(counts[top::-1]), _slope(counts[top:])
    return (left + right) * BIN_S * 1e3


def _slope(falling: NDArray[np.int64]) -> int:
    """How many bins beside the mode (its first) a line falls to zero, by least squares."""
    steps = np.arange(len(falling) + 1)
    seen = np.append(falling, 0).astype(float)
    errors = [float(np.sum((seen - seen[0] * np.clip(1 - steps / at, 0, None)) ** 2)) for at in range(1, len(steps))]
    return 1 + int(np.argmin(errors))


def _refused(n: int, nn: int) -> str:
    if nn < 2:
        return "there are no two NN intervals"
    excluded = 1 - nn / n
    if excluded > MOST_EXCLUDED:
        return f"{100 * excluded:.2f} % of the RR intervals are no NN intervals, more than {100 * MOST_EXCLUDED:.0f} %"
    return ""


def _why_no_window(windows: int) -> str:
    if not windows:
        return "the recording is shorter than five minutes"
    return f"in no window of five minutes do NN intervals fill {100 * LEAST_FILLED:.0f} % of the time"


def _window(intervals: Intervals, nn: NDArray[np.bool_], start_s: float) -> dict[str, float] | None:
    differences = successive_s(intervals, nn)
    if not len(differences):
        return None
    powers = band_powers(intervals.at_s[nn], intervals.rr_s[nn], SHORT_BANDS, start_s=start_s, length_s=WINDOW_S)
    vlf, lf, hf = powers["vlf"], powers["lf"], powers["hf"]
    return {
        "sdnn": sdnn_ms(intervals.rr_s[nn]),
        "rmssd": rmssd_ms(differences),
        "pnn50": 100 * nn50(differences) / len(differences),
        "vlf": vlf,
        "lf": lf,
        "hf": hf,
        "total": vlf + lf + hf,
        # A heart that beats like a clock has no share of anything.
        "lf_nu": 100 * lf / (lf + hf) if lf + hf > 0 else float("nan"),
        "hf_nu": 100 * hf / (lf + hf) if lf + hf > 0 else float("nan"),
        "lf_hf": lf / hf if hf > 0 else float("nan"),
    }


def _spread(values: list[float]) -> Spread:
    known = [value for value in values if np.isfinite(value)] or [float("nan")]
    return Spread(mean=float(np.mean(known)), low=min(known), high=max(known))


def _whole(intervals: Intervals, nn_s: float, refused: str) -> dict[str, Measured]:
    if refused:
        return {name: Measured(why=refused) for name in WHOLE}
    nn, differences = intervals.rr_s[intervals.is_nn], successive_s(intervals)
    no_pair = "" if len(differences) else "no two NN intervals are neighbours"
    short = "" if nn_s >= LEAST_FOR_SHAPE_S else "it needs 20 minutes of NN intervals"
    too_short = "" if nn_s >= WINDOW_S * LEAST_FILLED else "it needs five minutes of NN intervals"
    counts, _ = histogram(nn)
    values = {
        "sdnn": (too_short, sdnn_ms(nn)),
        "rmssd": (too_short or no_pair, rmssd_ms(differences)),
        "nn50": (too_short or no_pair, float(nn50(differences))),
        "pnn50": (too_short or no_pair, 100 * nn50(differences) / max(len(differences), 1)),
        "triangular_index": (short, triangular_index(counts)),
        "tinn": (short, tinn_ms(counts)),
    }
    return {name: Measured(why=why) if why else Measured(value=value) for name, (why, value) in values.items()}


def _day(intervals: Intervals, length_s: float, short: dict[str, Spread], refused: str) -> dict[str, Measured]:
    nn = intervals.is_nn
    if not refused and intervals.rr_s[nn].sum() < LEAST_FOR_DAY_S:
        refused = "it needs 18 hours of NN intervals"
    hours = [] if refused else list(_filled_windows(intervals, length_s, HOUR_S))
    if not refused and not (short and hours):
        refused = "no hour of it has enough NN intervals"
    if refused:
        return {name: Measured(why=refused) for name in DAY}
    means = [intervals.rr_s[inside].mean() for _, inside in _filled_windows(intervals, length_s, WINDOW_S)]
    by_hour = [
        band_powers(intervals.at_s[inside], intervals.rr_s[inside], HOUR_BANDS, start_s=start_s, length_s=HOUR_S)
        for start_s, inside in hours
    ]
    powers = {
        SLOW_BAND: slow_power(intervals.at_s[nn], intervals.rr_s[nn], length_s=length_s),
        **{band: float(np.mean([one[band] for one in by_hour])) for band in HOUR_BANDS},
        "lf": short["lf"].mean,
        "hf": short["hf"].mean,
    }
    values = {
        "sdann": sdnn_ms(np.array(means)),
        "sdnn_index": short["sdnn"].mean,
        **powers,
        "total": sum(powers.values()),
    }
    return {name: Measured(value=values[name]) for name in DAY}


def _filled_windows(intervals: Intervals, length_s: float, window_s: float) -> Iterator[_Filled]:
    """Where each window begins in which enough is NN, and which of all intervals are its NN intervals."""
    for index in range(int(length_s / window_s + 1e-9)):
        start_s = index * window_s
        inside = (intervals.at_s >= start_s) & (intervals.at_s < start_s + window_s)
        nn = inside & intervals.is_nn
        enough = nn.sum() >= LEAST_BEATS and nn.sum() >= (1 - MOST_EXCLUDED) * inside.sum()
        if enough and intervals.rr_s[nn].sum() >= LEAST_FILLED * window_s:
            yield start_s, nn
