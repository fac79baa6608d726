"""A board's frame as arithmetic on arrays: what is fixed in it, what counts in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.decoders.port import Bytes

Check = Callable[[Bytes], NDArray[np.bool_]]
Number = Callable[[Bytes], NDArray[np.int64]]

BRIDGE_BYTES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequence:
    """The number in a frame that gives its place: a counter, or a clock.

    Parameters
    ----------
    of : number of each frame, shape (frame,).
    modulus : it wraps here.
    step : its difference between frames in a row.
    tolerance : by how much a difference may miss a multiple of `step`.
    alone_is_torn : the frame's own check is weak: one with an unexpected number is believed only with the next one.
    """

    of: Number
    modulus: int
    step: int = 1
    tolerance: float = 0.0
    alone_is_torn: bool = False

    @property
    def wrap(self) -> int:
        """Frames until the number repeats."""
        return self.modulus // self.step

    def steps(self, numbers: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Frames from each `before` to each number, 1 in a clean stream; -1 where it is no whole number of them."""
        difference = (numbers - before) % self.modulus
        if self.step == 1:
            # A difference of 0 is a full turn or a frame sent twice: the reader finds out which.
            return np.where(difference == 0, self.modulus, difference)
        steps = np.rint(difference / self.step).astype(np.int64)
        off = np.abs(difference - steps * self.step) > self.tolerance
        return np.where(off | (steps == 0), -1, steps)

    def follows(self, numbers: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each number is the next one after its `before`."""
        steps = (numbers - before) % self.modulus if self.step == 1 else self.steps(numbers, before)
        following: NDArray[np.bool_] = steps == 1
        return following

    def step_of(self, number: int, before: int) -> int:
        """`steps` of one pair."""
        difference = (number - before) % self.modulus
        if self.step == 1:
            return difference or self.modulus
        steps = round(difference / self.step)
        return steps if steps and abs(difference - steps * self.step) <= self.tolerance else -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Framing:
    """Frames of one length.

    Parameters
    ----------
    size : bytes of a frame.
    good : which frames pass their own check, given uint8 of shape (frame, size).
    fault : which counter a frame that fails belongs to.
    sequence : the number in it, absent where the board has none.
    links : good frames in a row, with rising numbers, before the first one is believed.
    relinks : the same, for `near_bytes` behind a frame that was believed.
    reach : largest step of the number within such a row.
    opens : a good frame that begins the whole stream is believed with the next one good, whatever their numbers.
    bridge : behind damage, a frame between noise is believed if its number goes on from the last one and another goes
        on from it behind so many bytes of noise at most; 0 never.
    last : so many in a row are believed where the bytes end behind them.
    aside : how many bytes at a frame's place are no frame but something the board also says; 0 none, -1 more needed.
    """

    size: int
    good: Check
    fault: Callable[[Bytes], str]
    sequence: Sequence | None = None
    links: int = 1
    relinks: int = 1
    near_bytes: int = 1024
    reach: int = 1
    opens: bool = True
    last: int = 1
    bridge: int = 0
    aside: Callable[[Bytes], int] | None = None


def chains(framing: Framing, window: Bytes, offsets: int, links: int, *, begins: bool) -> NDArray[np.bool_]:
    """Offsets from which as many of `links` frames as there are bytes for are good and count up.

    Parameters
    ----------
    window : the bytes at every offset, shape (offset, size).
    offsets : how many of them are asked about.
    begins : offset 0 is the first byte of the stream.
    """
    size, sequence = framing.size, framing.sequence
    span = window[: offsets + (links - 1) * size]
    good = framing.good(span)
    chained: NDArray[np.bool_] = good[:offsets].copy()
    if links == 1 or not chained.any():
        return chained
    numbers = sequence.of(span) if sequence is not None else None
    for link in range(1, links):
        there = max(0, min(offsets, len(span) - link * size))
        chained[:there] &= good[link * size : link * size + there]
        if numbers is not None and sequence is not None:
            low = (link - 1) * size
            steps = sequence.steps(numbers[low + size : low + size + there], numbers[low : low + there])
            rising = (steps >= 1) & (steps <= framing.reach)
            if begins and framing.opens:
                rising[:1] = True
            chained[:there] &= rising
    return chained


def bridges(framing: Framing, window: Bytes, offsets: int, previous: int, *, final: bool) -> tuple[int, bool]:
    """Where a frame stands alone between noise and yet goes on from the number `previous`.

    Returns
    -------
    Its offset, or -1; and whether the bytes behind it are enough to say so.
    """
    size, sequence = framing.size, framing.sequence
    if sequence is None or not framing.bridge:
        return -1, True
    good = np.flatnonzero(framing.good(window[:offsets]))
    numbers = sequence.of(window[good])
    for offset, number in zip(good.tolist(), numbers.tolist(), strict=True):
        if not 1 <= sequence.step_of(number, previous) <= framing.reach:
            continue
        behind = window[offset + size : offset + size + framing.bridge + 1]
        if len(behind) <= framing.bridge and not final:
            return offset, False
        follow = sequence.of(behind[framing.good(behind)])
        steps = sequence.steps(follow, np.full_like(follow, number))
        if ((steps >= 1) & (steps <= framing.reach)).any():
            return offset, True
    return -1, True
