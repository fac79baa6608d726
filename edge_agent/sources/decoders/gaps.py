"""How many frames are missing: a short counter fused with elapsed time. Pure decisions.

With modulus W and d = (n - n_previous - 1) mod W, what was lost is d + W k for some k. Time that is off by less than
W/2 frames settles k; k = -1 means that the frame is an old one, sent again or late.
"""

from dataclasses import dataclass
from typing import Literal

from edge_agent.sources.decoders.framing import Sequence

SURE_WRAP_S = 60.0  # a number that repeats this rarely needs no clock beside it
RESTART_S = 1.0  # a counter at 0 behind so long a silence began anew
MOST_LATE = 32  # frames that a dongle may hold back and send later
MIN_PERIODS = 3.0  # a board without counter: less than this is drift


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known about a frame that does not follow the one before.

    Parameters
    ----------
    previous, number, follower : number of the frame before, of this one, and of the next (absent: damaged or none).
    seen : a frame with the same bytes came a moment ago.
    missing : frames that time says are missing, absent without time; `error` is how far it may be off.
    silence_s : time since the last frames arrived.
    """

    previous: int
    number: int
    follower: int | None
    seen: bool
    missing: float | None
    error: float
    silence_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the frame is, and what is lost before it."""

    what: Literal["loss", "restart", "copy", "damaged", "torn"]
    count: int = 0
    certain: bool = True
    at_least: int = 0


def decide_loss(sequence: Sequence, evidence: Evidence, *, frame_hz: float) -> Verdict:
    """Decide what a good frame with an unexpected number is."""
    step = sequence.step_of(evidence.number, evidence.previous)
    after = None if evidence.follower is None else sequence.step_of(evidence.follower, evidence.previous)
    if after == 2 and step != 2:
        return Verdict(what="damaged")
    if step < 0:
        return Verdict(what="torn")
    wrap, lost = sequence.wrap, step - 1
    followed = evidence.follower is not None and sequence.step_of(evidence.follower, evidence.number) == 1
    if sequence.alone_is_torn and not followed:
        return Verdict(what="torn")
    error, missing = evidence.error, evidence.missing
    anew = Verdict(what="restart", count=max(round(missing or 0.0), 0), certain=False)
    if evidence.number == 0 and sequence.step == 1 and evidence.silence_s > RESTART_S and missing is not None:
        return anew
    behind = lost >= wrap - wrap // 2
    sure = frame_hz > 0 and wrap / frame_hz >= SURE_WRAP_S
    turns = None if missing is None else round((missing - lost) / wrap)
    known = after == 1 or evidence.seen
    if behind and known and (turns is None or turns < 0 or error >= wrap / 2):
        return Verdict(what="copy")
    if behind and (sure if turns is None else turns < 0):
        # A little behind it came late; further behind the board counts anew.
        return Verdict(what="copy") if wrap - 1 - lost < MOST_LATE else anew
    if missing is None or turns is None:
        return Verdict(what="loss", count=lost, certain=sure, at_least=lost)
    count = lost + wrap * max(turns, 0)
    certain = bool(error < wrap / 2 and abs(missing - count) < wrap / 2)
    return Verdict(what="loss", count=count, certain=certain, at_least=lost)


def whole_turns(wrap: int | None, *, missing: float, error: float, jitter: float) -> Verdict | None:
    """Find a loss that the counter cannot show: whole turns of it, or, without a counter (`wrap` None), any."""
    if wrap is None:
        long = missing > MIN_PERIODS + jitter
        return Verdict(what="loss", count=round(missing), certain=False) if long else None
    if error >= wrap / 2 and missing <= jitter:
        return None
    turns = round(missing / wrap)
    if turns < 1:
        return None
    return Verdict(what="loss", count=turns * wrap, certain=error < wrap / 2)
