"""The minutes of a recording in numbers."""

from dataclasses import dataclass, field

from biosignal.events import Beat, Quality, QualityLevel, Trend, stable_id

MINUTE_S = 60
SETTLE_S = 8
"""A minute is told this long behind its end: by then its last beat is confirmed."""


@dataclass(slots=True)
class _Minute:
    beats: list[tuple[int, str]] = field(default_factory=list)
    usable: int = 0
    seen_until: int = 0
    intervals_s: list[float] = field(default_factory=list)


class TrendMeter:
    """Counts one lead's beats and usable samples per minute; minutes start at multiples of 60 s of the recording."""

    def __init__(self, *, recording: str, lead: str, fs_hz: float, stream: str) -> None:
        self._recording = recording
        self._lead = lead
        self._stream = stream
        self._length = round(MINUTE_S * fs_hz)
        self._settle = round(SETTLE_S * fs_hz)
        self._minutes: dict[int, _Minute] = {}

    def add_beat(self, beat: Beat) -> None:
        """Count a confirmed beat."""
        minute = self._minute(beat.sample)
        minute.beats.append((beat.sample, beat.label))
        if beat.rr_before_s is not None and beat.quality is not QualityLevel.REJECTED:
            minute.intervals_s.append(beat.rr_before_s)

    def add_quality(self, quality: Quality) -> list[Trend]:
        """Count a judged stretch; tell the minutes that are settled by its end."""
        start = quality.start
        while start < quality.end:
            minute = self._minute(start)
            end = min(quality.end, (start // self._length + 1) * self._length)
            minute.seen_until = end
            if quality.level is not QualityLevel.REJECTED:
                minute.usable += end - start
            start = end
        settled = (quality.end - self._settle) // self._length
        return [self._trend(index, self._length) for index in sorted(self._minutes) if index < settled]

    def finish(self) -> list[Trend]:
        """Tell the minutes still open; the last one ends with the recording."""
        indices = sorted(self._minutes)
        return [
            self._trend(
                index,
                self._minutes[index].seen_until - index * self._length if index == indices[-1] else self._length,
            )
            for index in indices
        ]

    def _minute(self, sample: int) -> _Minute:
        return self._minutes.setdefault(sample // self._length, _Minute())

    def _trend(self, index: int, length: int) -> Trend:
        minute = self._minutes.pop(index)
        start = index * self._length
        intervals = minute.intervals_s
        return Trend(
            id=stable_id(self._recording, self._stream, "trend", self._lead, start),
            recording=self._recording,
            lead=self._lead,
            start=start,
            end=start + length,
            beats=len(minute.beats),
            bpm_mean=round(60 * len(intervals) / sum(intervals), 1) if intervals else None,
            v_beats=sum(label == "V" for _, label in minute.beats),
            usable_fraction=round(minute.usable / max(length, 1), 4),
            annotations=tuple(minute.beats),
        )
