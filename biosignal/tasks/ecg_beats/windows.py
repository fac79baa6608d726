"""What the beat classifier sees of each heartbeat: a window round the R peak and the rhythm around it.

The same stream code makes the inputs on the device, in training and in the gates, so they cannot differ.
Drive it per block of one lead::

    inputs.extend(samples)                                   # the block's samples of this lead
    for sample, decided_at in detections:                    # in order of `decided_at`
        windows += inputs.add_beat(sample, decided_at)
    windows += inputs.advance(block.end)                     # the detector is done up to here
    ...
    windows += inputs.reset(gap.end)                         # at a Gap; `inputs.flush()` at the end

Every beat gets exactly one window, in order. A window waits for the next beat (its distance is an input), at most
`RR_CAP_S` + `NEXT_BEAT_WAIT_S` after the beat. However the samples are cut into blocks, the windows are the same.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, BrokenStream
from biosignal.events import Tensor
from biosignal.signal.filter_design import butterworth_high_pass
from biosignal.signal.filters import Recursive
from biosignal.tasks.ecg_beats.intervals import KNOWN, RATIOS, RR_CAP_S, Intervals, median_of
from biosignal.tasks.ecg_beats.shapes import Shapes

PREPROCESSING = "ecg-beats/2"

RATE_HZ = 128.0
BEFORE, AFTER = 64, 58  # samples at RATE_HZ before and from the R peak: -0.50 s .. +0.445 s
LENGTH = BEFORE + AFTER
SHIFT = 8  # samples at RATE_HZ a peak may be moved to the nearest extreme: 62.5 ms
CHANNELS = (
    "beat",
    "beat minus running template",
    "beat minus slow template",
    "beat minus first template",
)
NEXT_BEAT_WAIT_S = 0.5  # how long after RR_CAP_S the detector may take to report the next beat
LATEST_S = 8.0  # how late the detector may report a beat at all (search-back)

HIGH_PASS_HZ = 0.5
LOW_PASS_HZ = 40.0
KERNEL_S = 0.05  # half width of the interpolation kernel, two periods of LOW_PASS_HZ
QRS = slice(BEFORE - 11, BEFORE + 12)  # +-86 ms: where peak to peak is measured
CLIP = 8.0  # of the running QRS amplitude

RR_FEATURES = (
    *RATIOS,
    *KNOWN,
    "amplitude",
    "likeness to running template",
    "likeness to slow template",
    "likeness to first template",
)
BEAT_SHAPE = (len(CHANNELS), LENGTH)
RR_SHAPE = (len(RR_FEATURES),)

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BeatWindow:
    """One beat as the classifier sees it.

    Parameters
    ----------
    sample : the beat as announced.
    decided_at : last input sample the window needed.
    rr_before_s : distance from the beat before, absent for the first one behind a start or gap; not capped.
    amplitude : QRS peak to peak, in the unit of the samples, 0.5-40 Hz.
    beat : float32, shape `BEAT_SHAPE`, in running QRS amplitudes.
    rr : float32, shape `RR_SHAPE`, natural logarithms of ratios unless the name says otherwise.
    rr_history : float32, shape `HISTORY_SHAPE`, the RR intervals up to the next beat, see `Intervals.history`.
    likeness_before : correlation of the QRS and its surroundings with those of the beat before, -1 to 1; absent for the
        first one behind a start or gap. No template has a part in it.
    """

    sample: int
    decided_at: int
    rr_before_s: float | None
    amplitude: float
    beat: NDArray[np.float32]
    rr: NDArray[np.float32]
    rr_history: NDArray[np.float32]
    likeness_before: float | None

    def inputs(self) -> dict[str, NDArray[np.float32]]:
        """Give the inputs by their names, without the batch axis."""
        return {"beat": self.beat, "rr": self.rr, "rr_history": self.rr_history}

    def tensors(self) -> tuple[Tensor, ...]:
        """Give the inputs as they are kept with the beat, without the batch axis."""
        return tuple(
            Tensor(name=name, shape=array.shape, data=np.asarray(array, "<f4").tobytes())
            for name, array in self.inputs().items()
        )


def stacked(windows: Sequence[BeatWindow]) -> dict[str, NDArray[np.float32]]:
    """Give the inputs of one or more beats by their names, first axis the beat."""
    seen = [window.inputs() for window in windows]
    return {name: np.stack([one[name] for one in seen]) for name in seen[0]}


@dataclass(slots=True)
class _Pending:
    """A beat whose window is not yielded yet; `following` is the next beat and when it was announced."""

    sample: int
    rr_before_s: float | None
    following: tuple[int, int] | None = None


class BeatInputs:
    """Makes a `BeatWindow` of every beat of one lead, as a stream.

    Parameters
    ----------
    fs_hz : sampling frequency, 100 to 1000 Hz.
    start : index of the first sample.

    Raises
    ------
    BadInput : another sampling frequency.

    Source
    ------
    Window, running amplitude, template difference and RR ratios after de Chazal et al. 2004
    (doi:10.1109/TBME.2004.827359) and Llamedo & Martinez 2011 (doi:10.1109/TBME.2010.2068048). Departures: everything
    is causal but for the next beat's distance; ratios as logarithms; no fiducial points are needed.
    """

    def __init__(self, *, fs_hz: float, start: int = 0) -> None:
        if not 100.0 <= fs_hz <= 1000.0:
            raise BadInput("beat inputs need 100 to 1000 samples a second", fs_hz=fs_hz)
        self.fs_hz = fs_hz
        self._high_pass = Recursive(butterworth_high_pass(fs_hz, corner_hz=HIGH_PASS_HZ))
        self._reach, self._kernel = _interpolation(fs_hz)
        self._segment = np.zeros(self._kernel.shape[1])
        self._restart(start)

    def _restart(self, start: int) -> None:
        self._end = start
        self._kept_from = start
        self._kept: Array = np.zeros(0)
        self._high_pass.reset()
        self._last_value = 0.0
        self._pending: deque[_Pending] = deque()
        self._last_beat: int | None = None
        self._decided_until = start
        self._start = start
        self._intervals = Intervals()
        self._shapes = Shapes(LENGTH)
        self._shape_before: Array | None = None

    def extend(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, shape (sample,). NaN holds the value before it."""
        if samples.size == 0:
            return
        held = self._hold(samples.astype(np.float64))
        self._kept = np.concatenate([self._kept, self._high_pass.push(held)])
        self._end += samples.size

    def _hold(self, samples: Array) -> Array:
        invalid = ~np.isfinite(samples)
        if invalid.any():
            latest = np.maximum.accumulate(np.where(invalid, -1, np.arange(samples.size)))
            samples = np.where(latest < 0, self._last_value, samples[np.maximum(latest, 0)])
        self._last_value = float(samples[-1])
        return samples

    def add_beat(self, sample: int, decided_at: int) -> list[BeatWindow]:
        """Announce a beat; samples up to and with `decided_at` must be in. Give the windows that were due before.

        Raises
        ------
        BrokenStream : the beat is not behind the last one, out of order, later than `LATEST_S`, or before its samples.
        """
        outside = decided_at >= self._end or decided_at - sample > LATEST_S * self.fs_hz
        if (
            outside
            or decided_at < self._decided_until - 1
            or (self._last_beat is not None and sample <= self._last_beat)
        ):
            raise BrokenStream(
                "a beat was announced out of order or before its samples",
                remedy="extend first, then announce beats in the order of their samples and of `decided_at`",
                sample=sample,
                decided_at=decided_at,
                beat_before=self._last_beat,
            )
        windows = self._settle(decided_at)
        if self._pending and self._pending[-1].following is None:
            self._pending[-1].following = (sample, decided_at)
        rr_before_s = None if self._last_beat is None else (sample - self._last_beat) / self.fs_hz
        self._pending.append(_Pending(sample, rr_before_s))
        self._last_beat = sample
        return windows

    def advance(self, until: int) -> list[BeatWindow]:
        """Say that every beat decided before sample `until` was announced; give the windows due by then."""
        windows = self._settle(until)
        self._decided_until = max(self._decided_until, until)
        oldest = min([until - int(LATEST_S * self.fs_hz), *(beat.sample for beat in self._pending)])
        surplus = oldest - 2 * self._reach - self._kept_from
        if surplus > self._kept.size // 2:
            self._kept = self._kept[surplus:].copy()
            self._kept_from += surplus
        return windows

    def flush(self) -> list[BeatWindow]:
        """Give the windows still held back; what lies behind the last sample repeats it."""
        windows = [self._window(beat, self._end - 1) for beat in self._pending]
        self._pending.clear()
        return windows

    def reset(self, at: int) -> list[BeatWindow]:
        """Flush, forget everything, and go on at sample `at`: what a `Gap` asks for."""
        windows = self.flush()
        self._restart(at)
        return windows

    def _settle(self, until: int) -> list[BeatWindow]:
        windows = []
        while self._pending and (due := self._due(self._pending[0])) < until:
            windows.append(self._window(self._pending.popleft(), due))
        return windows

    def _due(self, beat: _Pending) -> int:
        """Give the last sample a window needs: its own, or those by which the next beat is known."""
        deadline = beat.sample + int((RR_CAP_S + NEXT_BEAT_WAIT_S) * self.fs_hz)
        known = deadline if beat.following is None else min(beat.following[1], deadline)
        return max(known, beat.sample + self._reach)

    def _window(self, beat: _Pending, decided_at: int) -> BeatWindow:
        raw = self._cut(beat.sample)
        qrs = raw[QRS]
        size = float(qrs.max() - qrs.min())
        scale = self._shapes.scale(size)
        shape = raw / scale
        templates = self._shapes.templates(shape, (beat.sample - self._start) / self.fs_hz)
        after_s = self._after_s(beat, decided_at)
        ratios, known, regular = self._intervals.numbers(beat.rr_before_s, after_s)
        history = self._intervals.history(beat.rr_before_s, after_s)
        likeness = [_likeness(shape, one) for one in templates]
        rr = np.concatenate([ratios, known, [np.log(max(size / scale, 1e-3)), *likeness]])
        likeness_before = None if self._shape_before is None else _likeness(shape, self._shape_before)
        self._shape_before = shape
        if regular:
            self._shapes.learn(shape)
        if beat.rr_before_s is not None:
            self._intervals.add(beat.rr_before_s)
        channels = np.empty(BEAT_SHAPE)
        channels[0] = shape
        for row, one in enumerate(templates, 1):
            channels[row] = shape - one
        return BeatWindow(
            sample=beat.sample,
            decided_at=decided_at,
            rr_before_s=beat.rr_before_s,
            amplitude=size,
            beat=_clipped(channels, CLIP),
            rr=_clipped(rr, 4.0),
            rr_history=history.astype(np.float32),
            likeness_before=likeness_before,
        )

    def _cut(self, sample: int) -> Array:
        """Cut the window at RATE_HZ, its centre moved to the largest deflection within `SHIFT`."""
        first = sample - self._reach - self._kept_from
        last = first + self._segment.size
        if first >= 0 and last <= self._kept.size:
            self._segment[:] = self._kept[first:last]
        else:
            self._segment[:] = self._kept[np.clip(np.arange(first, last), 0, self._kept.size - 1)]
        wide = self._kernel @ self._segment
        near = wide[BEFORE : BEFORE + 2 * SHIFT + 1]
        moved = int(np.argmax(np.abs(near - median_of(np.sort(wide)))))
        cut: Array = wide[moved : moved + LENGTH]
        return cut

    def _after_s(self, beat: _Pending, decided_at: int) -> float | None:
        """Give the distance to the next beat, as far as it was known at `decided_at`."""
        if beat.following is not None and beat.following[1] <= decided_at:
            return (beat.following[0] - beat.sample) / self.fs_hz
        waited = decided_at - beat.sample >= int((RR_CAP_S + NEXT_BEAT_WAIT_S) * self.fs_hz)
        return RR_CAP_S if waited else None


def _interpolation(fs_hz: float) -> tuple[int, Array]:
    """Give the reach in samples to either side of a beat, and the matrix that low-passes and resamples a cut.

    The matrix has shape (LENGTH + 2 SHIFT, 2 reach + 1); each row is a Hann-windowed sinc that sums to one.
    """
    cutoff_hz = min(LOW_PASS_HZ, 0.45 * fs_hz)
    wanted_s = (np.arange(LENGTH + 2 * SHIFT) - BEFORE - SHIFT) / RATE_HZ
    reach = int(np.ceil((-wanted_s[0] + KERNEL_S) * fs_hz))
    distance_s = wanted_s[:, None] - np.arange(-reach, reach + 1)[None, :] / fs_hz
    kernel = np.sinc(2.0 * cutoff_hz * distance_s) * np.cos(0.5 * np.pi * distance_s / KERNEL_S) ** 2
    kernel[np.abs(distance_s) >= KERNEL_S] = 0.0
    return reach, kernel / kernel.sum(axis=1, keepdims=True)


def _clipped(values: Array, most: float) -> NDArray[np.float32]:
    """Clip to either side of zero; `numpy.clip` takes three times as long for so few."""
    return np.minimum(np.maximum(values, -most), most).astype(np.float32)


def _likeness(beat: Array, template: Array) -> float:
    """Correlate the QRS and its surroundings, -1 to 1."""
    part = slice(BEFORE - 20, BEFORE + 30)
    one, two = beat[part], template[part]
    one, two = one - one.sum() / one.size, two - two.sum() / two.size
    return float(one @ two / (np.sqrt((one @ one) * (two @ two)) + 1e-9))


def inputs_for_record(
    samples: NDArray[np.float32], fs_hz: float, beats: Sequence[int] | NDArray[np.int64]
) -> list[BeatWindow]:
    """Make the windows of a whole recording from one lead and its beat positions, by the stream code.

    Parameters
    ----------
    samples : shape (sample,), any unit.
    beats : strictly rising sample indices. Each counts as announced `BEFORE` / `RATE_HZ` s after it, so that a
        recording's last beats are yielded as on a device.
    """
    stream = BeatInputs(fs_hz=fs_hz)
    delay = int(BEFORE / RATE_HZ * fs_hz)
    block = int(10.0 * fs_hz)
    windows: list[BeatWindow] = []
    position, total = 0, len(samples)
    ordered = [int(beat) for beat in beats]
    for start in range(0, total, block):
        end = min(start + block, total)
        stream.extend(samples[start:end])
        while position < len(ordered) and min(ordered[position] + delay, total - 1) < end:
            windows += stream.add_beat(ordered[position], min(ordered[position] + delay, total - 1))
            position += 1
        windows += stream.advance(end)
    return windows + stream.flush()
