"""How far each second of a lead can be trusted, and why not fully.

Seconds are counted from sample 0 of the recording, so blocks and gaps do not shift them; a second that a gap cuts is
graded in its pieces.

Source: the flat-line, saturation and high-frequency-noise indices of Clifford et al. (doi:10.1088/0967-3334/33/9/1419).
Departures: one lead, one second, fixed limits in mV instead of a trained combination; no limit in mV is applied to a
lead whose scale is unknown.
"""

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from biosignal.events import Mark, MarkState, Prediction, QualityLevel, Rung, mark_id
from biosignal.signal.blocks import MILLIVOLT_PER, Lead, LeadKind, Samples, Unit
from biosignal.signal.filters import Array
from biosignal.tasks.signal_quality.kinds import NAME, RULES, SECOND, USABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """Limits of the quality index, in mV for whatever has a scale. The defaults are for an ECG."""

    rail: float | None = None
    """Absolute value at which the front end saturates, in the lead's unit; learned if absent."""
    flat_mv: float = 0.002
    """Peak to peak of a second below which a calibrated lead counts as flat."""
    still_share: float = 0.98
    """Share of samples equal to the one before at which a lead counts as flat."""
    clipped_degraded: float = 0.03
    """Share of samples resting on the rail."""
    clipped_rejected: float = 0.2
    noise_degraded_mv: float = 0.06
    """Standard deviation of noise above about 40 Hz."""
    noise_rejected_mv: float = 0.15
    swing_degraded_mv: float = 6.0
    """Peak to peak within one second: no heart makes this, movement does."""
    swing_rejected_mv: float = 9.0
    nan_rejected: float = 0.1


EYES = Thresholds(
    flat_mv=0.0005, noise_degraded_mv=0.03, noise_rejected_mv=0.1, swing_degraded_mv=1.0, swing_rejected_mv=2.0
)
"""For leads at the eyes, which make less than a heart."""
Grade = tuple[QualityLevel, str]


def thresholds_of(lead: Lead, *, rail: float | None = None) -> Thresholds:
    """Give the limits for a kind of lead."""
    plain = EYES if lead.kind is LeadKind.EOG else Thresholds()
    return replace(plain, rail=rail)


class QualityIndex:
    """Grades one lead second by second in one unbroken stretch; make a new one behind a gap.

    Parameters
    ----------
    start : absolute index of the first sample.
    """

    def __init__(
        self, *, recording: str, lead: Lead, fs_hz: float, start: int = 0, settings: Thresholds | None = None
    ) -> None:
        self._recording = recording
        self._lead = lead
        self._leads = (lead.name,)
        self._fs_hz = fs_hz
        self._settings = settings or Thresholds()
        self._scale = MILLIVOLT_PER[lead.unit]
        self._held: Samples = np.zeros(0, np.float32)
        self._at = start
        self._lowest = math.inf
        self._highest = -math.inf

    def push(self, x: Samples) -> list[Mark]:
        """Take the next samples, shape (sample,), NaN where invalid; return the seconds now complete."""
        held = np.concatenate((self._held, x)) if len(self._held) else x
        done: list[Mark] = []
        first = 0
        while (end := second_end(self._at, self._fs_hz)) - self._at <= len(held) - first:
            done.append(self._quality(held[first : first + end - self._at], end))
            first += done[-1].end - done[-1].start
        self._held = held[first:].copy()
        return done

    def finish(self) -> list[Mark]:
        """End the stretch: grade the second that was not completed."""
        if not len(self._held):
            return []
        held, self._held = self._held, self._held[:0]
        return [self._quality(held, self._at + len(held))]

    def _quality(self, x: Samples, end: int) -> Mark:
        start, self._at = self._at, end
        level, reason = self._grade(x.astype(np.float64))
        return Mark(
            id=mark_id(recording=self._recording, task=NAME, kind=SECOND.name, leads=self._leads, start=start),
            task=NAME,
            kind=SECOND.name,
            recording=self._recording,
            leads=self._leads,
            start=start,
            end=end,
            decided_at=end - 1,
            state=MarkState.CONFIRMED,
            quality=level,
            outcome=_said(reason or USABLE),
        )

    def _grade(self, x: Array) -> Grade:
        finite = np.isfinite(x)
        valid = x if finite.all() else x[finite]
        lost = 1 - len(valid) / len(x)
        if lost > self._settings.nan_rejected:
            return QualityLevel.REJECTED, "nan"
        low, high = float(np.minimum.reduce(valid)), float(np.maximum.reduce(valid))
        self._lowest, self._highest = min(self._lowest, low), max(self._highest, high)
        found = self._flat(valid, low, high) or self._clipped(valid, low, high)
        if found is None and self._lead.unit is not Unit.RAW:
            found = self._noisy(valid, high - low)
        if found is not None and (found[0] is QualityLevel.REJECTED or not lost):
            return found
        if lost:
            return QualityLevel.DEGRADED, "nan"
        return QualityLevel.USABLE, "uncalibrated" if self._lead.unit is Unit.RAW else ""

    def _flat(self, x: Array, low: float, high: float) -> Grade | None:
        if len(x) < self._fs_hz / 5:
            return None
        settings = self._settings
        still = np.count_nonzero(x[1:] == x[:-1]) >= settings.still_share * (len(x) - 1)
        small = self._lead.unit is not Unit.RAW and (high - low) * self._scale < settings.flat_mv
        if not (still or small):
            return None
        at_rail = self._on_rail(low) if settings.rail is not None else self._outermost(low, high)
        return QualityLevel.REJECTED, "lead-off" if at_rail else "flat"

    def _on_rail(self, value: float) -> bool:
        return self._settings.rail is not None and abs(value) >= 0.99 * self._settings.rail

    def _outermost(self, low: float, high: float) -> bool:
        return self._lowest < self._highest and (low <= self._lowest or high >= self._highest)

    def _clipped(self, x: Array, low: float, high: float) -> Grade | None:
        if self._settings.rail is not None:
            resting = np.abs(x) >= 0.99 * self._settings.rail
        else:
            resting = np.zeros(len(x), np.bool_)
            for extreme, is_outermost in ((low, low <= self._lowest), (high, high >= self._highest)):
                if is_outermost:
                    resting |= x == extreme
        share = np.count_nonzero(resting[1:] & resting[:-1]) / len(x)
        if share < self._settings.clipped_degraded:
            return None
        rejected = share >= self._settings.clipped_rejected
        return QualityLevel.REJECTED if rejected else QualityLevel.DEGRADED, "saturated"

    def _noisy(self, x: Array, swing: float) -> Grade | None:
        settings = self._settings
        lag = max(1, round(0.004 * self._fs_hz))
        if len(x) <= 4 * lag:
            return None
        bend = np.abs(x[2 * lag :] - 2 * x[lag:-lag] + x[: -2 * lag])
        middle = len(bend) // 2
        sigma = float(np.partition(bend, middle)[middle]) / (0.6745 * math.sqrt(6)) * self._scale
        swing *= self._scale
        if sigma >= settings.noise_rejected_mv or swing >= settings.swing_rejected_mv:
            return QualityLevel.REJECTED, "noise"
        if sigma >= settings.noise_degraded_mv or swing >= settings.swing_degraded_mv:
            return QualityLevel.DEGRADED, "noise"
        return None


@cache
def _said(reason: str) -> Prediction:
    return Prediction(task=NAME, bundle=RULES, rung=Rung.RULES, label=reason, scores=())


def second_end(sample: int, fs_hz: float) -> int:
    """Index one past the last sample of the second that holds `sample`."""
    second = int(sample / fs_hz)
    while (end := math.floor((second + 1) * fs_hz + 0.5)) <= sample:
        second += 1
    return end
