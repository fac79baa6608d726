"""What disturbs a recording: noise of the electrodes, electrodes that fall off, a front end that saturates, losses.

Additive noise belongs to an electrode, so the leads that share one share its noise and Einthoven's law holds. A new
kind is a class here and a line in `NOISES`. Amplitudes are standard deviations on a bipolar lead, in mV, unless said.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from biosignal.synthetic.draw import Array, band_taps, filtered, generator

EDGE_S = 0.25
_SHARE = 1 / math.sqrt(2)  # of each of the two electrodes of a bipolar lead


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """From `start_s` on for `duration_s` seconds; without one, to the end."""

    start_s: float = 0.0
    duration_s: float | None = None

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return math.inf if self.duration_s is None else self.start_s + self.duration_s

    def touches(self, start: int, end: int, fs_hz: float) -> bool:
        """Whether it has to do with samples [start, end)."""
        return self.start_s * fs_hz < end and self.end_s * fs_hz > start

    def within(self, start: int, end: int, fs_hz: float) -> slice:
        """Its part of samples [start, end), as a slice of them."""
        first = max(math.ceil(self.start_s * fs_hz), start)
        last = end if math.isinf(self.end_s) else min(math.ceil(self.end_s * fs_hz), end)
        return slice(first - start, max(last, first) - start)

    def fade(self, seconds: Array) -> Array:
        """1 inside, running to 0 within `EDGE_S` of the borders that are not the recording's."""
        rise = np.clip((seconds - self.start_s) / EDGE_S, 0.0, 1.0) if self.start_s > 0 else np.ones_like(seconds)
        return rise if math.isinf(self.end_s) else rise * np.clip((self.end_s - seconds) / EDGE_S, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Additive(Span):
    """Noise that is added on an electrode; `electrodes` names those it comes from, empty all."""

    kind: ClassVar[str] = "noise"
    amplitude_mv: float = 0.1
    electrodes: tuple[str, ...] = ()

    def on(self, electrode: str, start: int, end: int, *, fs_hz: float, seed: int, name: str) -> Array:
        """Noise of samples [start, end), mV. `name` keeps this noise apart from others of its kind."""
        seconds = np.arange(start, end) / fs_hz
        made = self._make(start, end, seconds, fs_hz=fs_hz, seed=seed, name=f"{name}.{electrode}")
        faded: Array = self.amplitude_mv * _SHARE * self.fade(seconds) * made
        return faded

    def _make(self, start: int, end: int, seconds: Array, *, fs_hz: float, seed: int, name: str) -> Array:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Wander(Additive):
    """Baseline wander with the breath and slower: tones of 0.05 to 0.5 Hz that never repeat together."""

    kind: ClassVar[str] = "wander"

    def _make(self, start: int, end: int, seconds: Array, *, fs_hz: float, seed: int, name: str) -> Array:
        random = generator(seed, name)
        made = np.zeros_like(seconds)
        for hz, share in ((0.05, 0.6), (0.11, 0.6), (0.25, 0.9), (0.33, 0.5), (0.46, 0.3)):
            turn = 2 * np.pi * float(random.random())
            made += share * np.sin(2 * np.pi * hz * (0.9 + 0.2 * float(random.random())) * seconds + turn)
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class Muscle(Additive):
    """Muscle noise, 20 Hz and more, swelling and ebbing; `bursts` is how much of it comes in bursts, 0 to 1."""

    kind: ClassVar[str] = "muscle"
    bursts: float = 0.5

    def _make(self, start: int, end: int, seconds: Array, *, fs_hz: float, seed: int, name: str) -> Array:
        made = filtered(seed, name, start, end, band_taps(fs_hz, 20.0, 180.0, reach_s=0.06))
        turn = 2 * np.pi * float(generator(seed, name, "bursts").random())
        swell = np.sin(2 * np.pi * 0.21 * seconds + turn) * np.sin(2 * np.pi * 0.067 * seconds + 2 * turn)
        return made * (1.0 - self.bursts + self.bursts * (0.5 + swell))


@dataclass(frozen=True, kw_only=True, slots=True)
class Hiss(Additive):
    """White noise of the amplifier."""

    kind: ClassVar[str] = "hiss"
    amplitude_mv: float = 0.006

    def _make(self, start: int, end: int, seconds: Array, *, fs_hz: float, seed: int, name: str) -> Array:
        return filtered(seed, name, start, end, np.ones(1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mains(Additive):
    """Hum of the mains with some third harmonic; its frequency moves by 0.02 Hz. `amplitude_mv` is the peak's."""

    kind: ClassVar[str] = "mains"
    mains_hz: float = 50.0

    def _make(self, start: int, end: int, seconds: Array, *, fs_hz: float, seed: int, name: str) -> Array:
        turn = 2 * np.pi * float(generator(seed, name).random())
        angle = 2 * np.pi * self.mains_hz * seconds + 0.2 * np.sin(2 * np.pi * 0.1 * seconds) + turn
        hum = np.sin(angle)
        if 3 * self.mains_hz < 0.45 * fs_hz:
            hum = hum + 0.12 * np.sin(3 * angle)
        return hum


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion(Additive):
    """Electrode motion: slow irregular swings, and now and then a jolt that dies away. `jolts_per_min` on average."""

    kind: ClassVar[str] = "motion"
    amplitude_mv: float = 0.3
    jolts_per_min: float = 12.0

    def _make(self, start: int, end: int, seconds: Array, *, fs_hz: float, seed: int, name: str) -> Array:
        made = 0.6 * filtered(seed, name, start, end, band_taps(fs_hz, 0.4, 6.0, reach_s=1.0))
        cell_s = 60.0 / max(self.jolts_per_min, 0.1)
        for cell in range(int(seconds[0] / cell_s) - 1, int(seconds[-1] / cell_s) + 1):
            if cell < 0:
                continue
            random = generator(seed, name, "jolt", cell)
            since = seconds - (cell + float(random.random())) * cell_s
            height = (1.0 + 2.0 * float(random.random())) * (1 if float(random.random()) < 0.5 else -1)
            tau_s = 0.08 + 0.3 * float(random.random())
            late = np.maximum(since, 0.0)
            made += np.where(
                (since > 0) & (since < 3.0), height * (late / 0.03).clip(0, 1) * np.exp(-late / tau_s), 0.0
            )
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class ElectrodePop(Additive):
    """An electrode whose potential jumps at `start_s` and comes back within some `tau_s`.

    `amplitude_mv` is the height of the jump, up or down as the seed says, the same way on all that pop together.
    """

    kind: ClassVar[str] = "electrode-pop"
    duration_s: float | None = 2.0
    amplitude_mv: float = 0.2
    electrodes: tuple[str, ...] = ("C3",)
    tau_s: float = 0.5

    def on(self, electrode: str, start: int, end: int, *, fs_hz: float, seed: int, name: str) -> Array:
        """Noise of samples [start, end), mV."""
        side = 1.0 if float(generator(seed, name).random()) < 0.5 else -1.0
        since = np.arange(start, end) / fs_hz - self.start_s
        made = side * self.amplitude_mv * np.exp(-np.maximum(since, 0.0) / self.tau_s)
        # What is left at the end is let go of smoothly: it would be another jump.
        over = np.clip((self.end_s - self.start_s - since) / EDGE_S, 0.0, 1.0)
        jumped: Array = np.where(since >= 0.0, made * over, 0.0)
        return jumped


@dataclass(frozen=True, kw_only=True, slots=True)
class Bridge(Span):
    """Gel or sweat joins electrodes of the head: each of them has the mean potential of them all."""

    kind: ClassVar[str] = "bridge"
    electrodes: tuple[str, ...] = ("C3", "P3")


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadOff(Span):
    """Electrodes fall off: every lead that needs one of them goes to the rail and stays there."""

    kind: ClassVar[str] = "lead-off"
    electrodes: tuple[str, ...] = ("LL",)
    rail_mv: float = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FlatLine(Span):
    """A dead input: every lead stays at 0."""

    kind: ClassVar[str] = "flat-line"


@dataclass(frozen=True, kw_only=True, slots=True)
class FlatChannel(Span):
    """An input that is dead: every lead that needs one of these electrodes stays at 0."""

    kind: ClassVar[str] = "flat-channel"
    electrodes: tuple[str, ...] = ("C3",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Saturation(Span):
    """The front end clips at plus and minus `limit_mv`, having `offset_mv` added."""

    kind: ClassVar[str] = "saturation"
    limit_mv: float = 1.0
    offset_mv: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropout(Span):
    """Samples are lost: the recording has a gap there."""

    kind: ClassVar[str] = "dropout"
    duration_s: float | None = 1.0


Noise: TypeAlias = (
    Wander
    | Muscle
    | Hiss
    | Mains
    | Motion
    | ElectrodePop
    | Bridge
    | LeadOff
    | FlatLine
    | FlatChannel
    | Saturation
    | Dropout
)
NOISES: Mapping[str, type[Noise]] = {
    kind.kind: kind
    for kind in (
        Wander,
        Muscle,
        Hiss,
        Mains,
        Motion,
        ElectrodePop,
        Bridge,
        LeadOff,
        FlatLine,
        FlatChannel,
        Saturation,
        Dropout,
    )
}
