"""What is true of a synthetic recording, exactly, in samples."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Fiducials:
    """Begin, peak and end of a wave; begin and end lie 2.5 standard deviations from its outermost Gaussians."""

    on: int
    peak: int
    off: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueBeat:
    """A beat: the sample of its R peak on the first ECG lead, its WFDB code, and its waves where it has them.

    `st_mv` is the shift of the ST segment in lead II.
    """

    sample: int
    symbol: str
    qrs: Fiducials
    p: Fiducials | None = None
    t: Fiducials | None = None
    st_mv: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RhythmChange:
    """From `sample` on the rhythm is `aux`, as WFDB spells it: ``(N``, ``(AFIB``, ``(VT``."""

    sample: int
    aux: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """Samples [start, end) during which something was so; `note` says more (electrodes, a stage's channel)."""

    kind: str
    start: int
    end: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageOfSleep:
    """A stage (W, N1, N2, N3, R) over samples [start, end)."""

    start: int
    end: int
    stage: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """All that is known. `lone_p` are peaks of P waves that no QRS follows; everything is in order of samples."""

    beats: tuple[TrueBeat, ...] = ()
    lone_p: tuple[int, ...] = ()
    rhythms: tuple[RhythmChange, ...] = ()
    episodes: tuple[Episode, ...] = ()
    stages: tuple[StageOfSleep, ...] = ()

    def of(self, kind: str) -> tuple[Episode, ...]:
        """Episodes of one kind."""
        return tuple(episode for episode in self.episodes if episode.kind == kind)
