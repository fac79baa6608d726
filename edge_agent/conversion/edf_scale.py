"""Which 16-bit counts stand for the values of a lead in EDF, whose header has eight characters for each number."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.conversion.tracks import Track

LOWEST, HIGHEST = -32768, 32767
FIELD = 8  # characters
_SAME = 0.01  # of a count: so far a count may lie from the one the source has and be the same one


@dataclass(frozen=True, kw_only=True, slots=True)
class EdfScale:
    """The four fields of a signal's header; the numbers that samples are counted by are those that they say."""

    physical: tuple[str, str]
    digital: tuple[int, int]

    @property
    def step(self) -> float:
        """Value of a count."""
        (low, high), (first, last) = self.physical, self.digital
        return (float(high) - float(low)) / (last - first)

    @property
    def zero(self) -> float:
        """Value at count 0."""
        return float(self.physical[0]) - self.digital[0] * self.step


def edf_scale(track: Track) -> EdfScale:
    """The scale of the source where the fields can say it and 16 bits hold it, else one that is as fine as can be."""
    for digital in _candidates(track):
        found = _over(track, digital)
        if found is not None and _is_same(track, found):
            return found
    return _widest(track)


def field_of(value: float) -> str:
    """A number in eight characters, without an exponent."""
    for places in range(FIELD, -1, -1):
        text = f"{value:.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        if len(text) <= FIELD:
            return "0" if text == "-0" else text
    return "9" * FIELD if value > 0 else "-" + "9" * (FIELD - 1)


def _candidates(track: Track) -> Iterator[tuple[int, int]]:
    """Ranges of counts, as the source counts, whose ends may be numbers of eight characters."""
    if track.scale.counts is not None:
        yield track.scale.counts
    per_unit = 1 / track.scale.step
    center = round(-track.scale.zero / track.scale.step)  # the count of value 0
    if abs(per_unit - round(per_unit)) < 1e-6 and 1 <= round(per_unit) <= HIGHEST:
        most = HIGHEST // round(per_unit) * round(per_unit)
        yield center - most, center + most
    for most in (32767, 32000, 30000, 25000, 20000, 16384, 10000):
        yield center - most, center + most
        yield -most, most


def _over(track: Track, counts: tuple[int, int]) -> EdfScale | None:
    """The scale whose ends are these counts of the source, shifted into 16 bits where they do not lie there."""
    first, last = counts
    needed = track.counts
    if last <= first or last - first > HIGHEST - LOWEST or needed[0] < first or needed[1] > last:
        return None
    shift = 0 if first >= LOWEST and last <= HIGHEST else -round((first + last) / 2)
    ends = [track.scale.zero + count * track.scale.step for count in counts]
    low, high = field_of(ends[0]), field_of(ends[1])
    if float(low) >= float(high) or not first + shift >= LOWEST or not last + shift <= HIGHEST:
        return None
    return EdfScale(physical=(low, high), digital=(first + shift, last + shift))


def _is_same(track: Track, scale: EdfScale) -> bool:
    """Whether every value that is needed has, within a hundredth, a whole count."""
    for count in track.counts:
        value = track.scale.zero + count * track.scale.step
        place = (value - scale.zero) / scale.step
        if abs(place - round(place)) > _SAME:
            return False
    return abs(scale.step / track.scale.step - 1) * max(1, track.counts[1] - track.counts[0]) < _SAME


def _widest(track: Track) -> EdfScale:
    """All 16 bits over somewhat more than the values that occur."""
    low, high = (track.scale.zero + count * track.scale.step for count in track.counts)
    reach = max((high - low) / 2 * 1.001, track.scale.step * HIGHEST if high - low < track.scale.step * HIGHEST else 0)
    middle = (low + high) / 2
    fields = field_of(middle - reach), field_of(middle + reach)
    if float(fields[0]) >= float(fields[1]):
        margin = 10.0 ** math.ceil(math.log10(max(abs(middle), 1e-5)) - 5)
        fields = field_of(middle - margin), field_of(middle + margin)
    return EdfScale(physical=fields, digital=(LOWEST, HIGHEST))
