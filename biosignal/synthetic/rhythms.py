"""The rhythms a synthetic heart can play; a new one is a class here and a line in `RHYTHMS`.

Every rhythm writes the beats of its segment on the time line, and notes the rhythm as WFDB spells it, and the episodes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from biosignal.synthetic.heart import Heart, Tremble


class Rhythm(Protocol):
    """Plays one segment."""

    def play(self, heart: Heart) -> None:
        """Write the segment ``heart.start_s`` to ``heart.end_s``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sinus:
    """Sinus rhythm, its RR intervals moved by the breath; `form` names the shape (normal, left-bundle, test ...).

    `pvc_share` and `sveb_share` are the chances that a normal beat is followed by an early one.
    """

    rate_per_min: float = 72.0
    variability: float = 0.03
    form: str = "normal"
    t_scale: float = 1.0
    pr_s: float | None = None
    pvc_share: float = 0.0
    sveb_share: float = 0.0
    pvc_forms: tuple[str, ...] = ("outflow",)

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm("(SBR" if self.rate_per_min < 50 else "(N")
        at_s = heart.first(heart.interval_s(heart.start_s, self.rate_per_min, self.variability))
        while at_s < heart.end_s:
            heart.beat(at_s, self.form, pr_s=self.pr_s, t_scale=self.t_scale)
            interval_s = heart.interval_s(at_s, self.rate_per_min, self.variability)
            chance = float(heart.random.random())
            if chance < self.pvc_share:
                form = self.pvc_forms[int(heart.random.random() * len(self.pvc_forms))]
                early_s = at_s + interval_s * (0.62 + 0.03 * heart.normal())
                if early_s < heart.end_s:
                    heart.beat(early_s, form, rr_s=interval_s)
                at_s += 2 * interval_s  # the sinus node was not reset
            elif chance < self.pvc_share + self.sveb_share:
                early_s = at_s + interval_s * (0.66 + 0.03 * heart.normal())
                if early_s < heart.end_s:
                    heart.beat(early_s, "atrial")
                at_s = early_s + 1.06 * interval_s
            else:
                at_s += interval_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """Sinus beats (N), early ventricular (V) and early atrial (A) ones in a fixed order, again and again.

    ``NV`` is bigeminy, ``NNV`` trigeminy, ``NNNNVV`` couplets, ``NNNNNVVVV`` runs. `coupling_s` leads to the first
    early beat, `run_s` to those behind it; `forms` are taken in turn.
    """

    order: str = "NV"
    rate_per_min: float = 75.0
    variability: float = 0.02
    coupling_s: float = 0.46
    run_s: float = 0.42
    forms: tuple[str, ...] = ("outflow",)

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm({"NV": "(B", "NNV": "(T"}.get(self.order, "(N"))
        at_s = heart.first(heart.interval_s(heart.start_s, self.rate_per_min, self.variability))
        sinus_s, shown, run = at_s, 0, [0.0] * 0
        while True:
            for letter in self.order:
                if letter == "N":
                    while run and sinus_s < run[-1] + 0.55:
                        sinus_s += heart.interval_s(sinus_s, self.rate_per_min, self.variability)
                    self._end_run(heart, run)
                    at_s = sinus_s
                    sinus_s += heart.interval_s(sinus_s, self.rate_per_min, self.variability)
                else:
                    before_s = run[-1] if run else (heart.last_s or heart.start_s)
                    at_s = before_s + (self.run_s if run else self.coupling_s) + 0.005 * heart.normal()
                if at_s >= heart.end_s:
                    self._end_run(heart, run)
                    return
                if letter == "N":
                    heart.beat(at_s, "normal")
                else:
                    run.append(at_s)
                    heart.beat(at_s, "atrial" if letter == "A" else self.forms[shown % len(self.forms)])
                    shown += letter == "V"

    def _end_run(self, heart: Heart, run: list[float]) -> None:
        if len(run) >= 3 and "A" not in self.order:
            heart.episode("vt", run[0], run[-1])
        run.clear()


@dataclass(frozen=True, kw_only=True, slots=True)
class AtrialFibrillation:
    """No P waves but f waves of about 6 Hz; RR intervals without memory, their deviation a share of the mean."""

    rate_per_min: float = 95.0
    irregularity: float = 0.22
    f_wave_mv: float = 0.06

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm("(AFIB")
        heart.episode("afib", heart.start_s, heart.end_s)
        heart.trembles.append(_fibrillating_atria(heart, self.f_wave_mv))
        at_s = heart.first(self._interval_s(heart))
        while at_s < heart.end_s:
            heart.beat(at_s, "normal", has_p=False)
            at_s += self._interval_s(heart)

    def _interval_s(self, heart: Heart) -> float:
        sigma = math.sqrt(math.log(1 + self.irregularity**2))
        mean_s = 60.0 / self.rate_per_min
        return max(0.3, mean_s * math.exp(sigma * heart.normal() - sigma**2 / 2))


@dataclass(frozen=True, kw_only=True, slots=True)
class AtrialFlutter:
    """Sawtooth waves of the atria, every `ratio`-th conducted."""

    atrial_rate_per_min: float = 300.0
    ratio: int = 4
    wave_mv: float = 0.12

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm("(AFL")
        heart.episode("flutter", heart.start_s, heart.end_s)
        hz = self.atrial_rate_per_min / 60.0
        tones = tuple((k * hz, 1.0 / k, math.pi * (k % 2)) for k in (1, 2, 3, 4))
        down = (0.1 * self.wave_mv, -self.wave_mv, -0.35 * self.wave_mv)
        heart.trembles.append(Tremble(start_s=heart.start_s, end_s=heart.end_s, vectors=(down,), tones=tones))
        period_s = 60.0 / self.atrial_rate_per_min
        count = math.ceil((heart.first(self.ratio * period_s) - heart.start_s) / period_s)
        while (at_s := heart.start_s + count * period_s + 0.004 * heart.normal()) < heart.end_s:
            heart.beat(at_s, "normal", has_p=False)
            count += self.ratio


@dataclass(frozen=True, kw_only=True, slots=True)
class SupraventricularTachycardia:
    """Narrow, regular and fast, the P wave hidden."""

    rate_per_min: float = 170.0

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm("(SVTA")
        heart.episode("svt", heart.start_s, heart.end_s)
        at_s = heart.first(60.0 / self.rate_per_min)
        while at_s < heart.end_s:
            heart.beat(at_s, "junctional", symbol="A")
            at_s += 60.0 / self.rate_per_min * (1 + 0.006 * heart.normal())


@dataclass(frozen=True, kw_only=True, slots=True)
class VentricularTachycardia:
    """Wide beats of one form, regular; the first comes early."""

    rate_per_min: float = 180.0
    variability: float = 0.012
    form: str = "inflow"
    scale: float = 1.0

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        interval_s = 60.0 / self.rate_per_min
        at_s = heart.first(max(interval_s, 0.34))
        heart.rhythm("(VT", at_s - 0.05)
        first_s = at_s
        while at_s < heart.end_s:
            heart.beat(at_s, self.form, rr_s=interval_s, size=self.scale * (1 + 0.02 * heart.normal()))
            at_s += interval_s * (1 + self.variability * heart.normal())
        heart.episode("vt", first_s, max(first_s, heart.last_s or first_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class Torsades:
    """Polymorphic ventricular tachycardia: the axis turns round once in `twist_s`, and the height swells with it."""

    rate_per_min: float = 220.0
    twist_s: float = 4.5

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        interval_s = 60.0 / self.rate_per_min
        at_s = first_s = heart.first(0.42)
        heart.rhythm("(VT", at_s - 0.05)
        while at_s < heart.end_s:
            turn = 2 * math.pi * (at_s - first_s) / self.twist_s
            # The axis stays near its ends and hurries through the middle, where lead II sees little.
            angle_rad = turn - 0.35 * math.sin(2 * turn)
            size = 0.7 + 0.4 * abs(math.cos(turn))
            heart.beat(at_s, "outflow", rr_s=0.3, size=size, angle_rad=angle_rad)
            at_s += interval_s * (1 + 0.06 * heart.normal())
        heart.episode("torsades", first_s, max(first_s, heart.last_s or first_s))
        heart.episode("vt", first_s, max(first_s, heart.last_s or first_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class VentricularFibrillation:
    """No beats: waves of 4 to 7 Hz that change all the time and become finer."""

    amplitude_mv: float = 0.45
    fades_s: float = 60.0

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        start_s = heart.start_s if heart.last_s is None else max(heart.start_s, heart.last_s + 0.25)
        heart.rhythm("(VF", start_s)
        heart.episode("vf", start_s, heart.end_s)
        draw = heart.random.random
        tones = tuple(
            (hz + 0.6 * float(draw()), share, 6.2 * float(draw()))
            for hz, share in ((4.6, 0.9), (3.6, 0.6), (6.1, 0.45), (5.2, 0.7), (2.6, 0.3), (7.6, 0.2))
        )
        height = self.amplitude_mv
        vectors = tuple(
            (height * (2 * float(draw()) - 1), height * (0.55 + 0.45 * float(draw())), height * (2 * float(draw()) - 1))
            for _ in tones
        )
        heart.trembles.append(
            Tremble(
                start_s=start_s,
                end_s=heart.end_s,
                vectors=vectors,
                tones=tones,
                drift_hz=0.5,
                swell=0.5,
                fades_s=self.fades_s,
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asystole:
    """No beats; with `p_waves_per_min` the atria go on alone."""

    p_waves_per_min: float = 0.0

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        start_s = heart.start_s if heart.last_s is None else heart.last_s
        heart.rhythm("(ASYS", heart.start_s)
        heart.episode("asystole", start_s, heart.end_s)
        if self.p_waves_per_min:
            at_s = heart.start_s + 0.3
            while at_s < heart.end_s - 0.2:
                heart.lone_p_s.append(at_s)
                at_s += 60.0 / self.p_waves_per_min


@dataclass(frozen=True, kw_only=True, slots=True)
class SinusPause:
    """Sinus rhythm that stops for `pause_s` after every `every` beats."""

    rate_per_min: float = 68.0
    variability: float = 0.02
    every: int = 12
    pause_s: float = 2.8

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm("(N")
        at_s = heart.first(60.0 / self.rate_per_min)
        count = 0
        while at_s < heart.end_s:
            heart.beat(at_s, "normal", rr_s=60.0 / self.rate_per_min)
            count += 1
            if count % self.every == 0 and at_s + self.pause_s < heart.end_s:
                heart.episode("pause", at_s, at_s + self.pause_s)
                at_s += self.pause_s
            else:
                at_s += heart.interval_s(at_s, self.rate_per_min, self.variability)


@dataclass(frozen=True, kw_only=True, slots=True)
class AvBlock:
    """Block between atria and ventricles: `degree` first, wenckebach, mobitz or complete.

    `every` P waves one is dropped (second degree); `escape_per_min` is the rate of the ventricles in complete block.
    """

    degree: str = "wenckebach"
    atrial_rate_per_min: float = 78.0
    pr_s: float = 0.28
    every: int = 4
    escape_per_min: float = 36.0
    escape_form: str = "ventricular-escape"

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm({"first": "(BI", "complete": "(BIII"}.get(self.degree, "(BII"))
        heart.episode(f"av-block-{self.degree}", heart.start_s, heart.end_s)
        if self.degree == "complete":
            self._apart(heart)
            return
        p_s = heart.first(60.0 / self.atrial_rate_per_min) - 0.2
        count = 0
        while True:
            number = count % self.every
            pr_s = self.pr_s
            if self.degree == "wenckebach":
                pr_s = 0.18 + sum((0.0, 0.11, 0.06, 0.03, 0.02)[: number + 1])
            at_s = p_s + pr_s  # the P wave begins as much before its peak as the QRS before R
            if at_s >= heart.end_s:
                return
            if self.degree != "first" and number == self.every - 1:
                heart.lone_p_s.append(p_s)
            else:
                heart.beat(at_s, "normal", pr_s=pr_s, rr_s=60.0 / self.atrial_rate_per_min)
            p_s += heart.interval_s(p_s, self.atrial_rate_per_min, 0.01)
            count += 1

    def _apart(self, heart: Heart) -> None:
        p_s = heart.start_s + 0.3
        while p_s < heart.end_s - 0.2:
            heart.lone_p_s.append(p_s)
            p_s += heart.interval_s(p_s, self.atrial_rate_per_min, 0.01)
        at_s = heart.first(60.0 / self.escape_per_min)
        while at_s < heart.end_s:
            heart.beat(at_s, self.escape_form, has_p=False)
            at_s += 60.0 / self.escape_per_min * (1 + 0.01 * heart.normal())


@dataclass(frozen=True, kw_only=True, slots=True)
class Paced:
    """A pacemaker in the right ventricle: a spike before every beat; every `fails_every`-th is not followed by one."""

    rate_per_min: float = 70.0
    spike_mv: float = 2.0
    fails_every: int = 0

    def play(self, heart: Heart) -> None:
        """Write the segment."""
        heart.rhythm("(P")
        at_s = heart.first(60.0 / self.rate_per_min)
        count = 0
        while at_s < heart.end_s:
            count += 1
            if self.fails_every and count % self.fails_every == 0:
                heart.spikes.append((at_s - 0.1, self.spike_mv))
            else:
                heart.beat(at_s, "paced", spike_mv=self.spike_mv, rr_s=60.0 / self.rate_per_min)
            at_s += 60.0 / self.rate_per_min


def _fibrillating_atria(heart: Heart, height_mv: float) -> Tremble:
    hz = 5.6 + 1.2 * float(heart.random.random())
    tones = tuple((k * hz, 1.0 / k**2, 6.2 * float(heart.random.random())) for k in (1, 2, 3))
    vector = (0.2 * height_mv, 0.9 * height_mv, -1.1 * height_mv)
    return Tremble(start_s=heart.start_s, end_s=heart.end_s, vectors=(vector,), tones=tones, drift_hz=0.35, swell=0.45)


RHYTHMS: Mapping[str, type[Rhythm]] = {
    "sinus": Sinus,
    "pattern": Pattern,
    "atrial-fibrillation": AtrialFibrillation,
    "atrial-flutter": AtrialFlutter,
    "svt": SupraventricularTachycardia,
    "ventricular-tachycardia": VentricularTachycardia,
    "torsades": Torsades,
    "ventricular-fibrillation": VentricularFibrillation,
    "asystole": Asystole,
    "sinus-pause": SinusPause,
    "av-block": AvBlock,
    "paced": Paced,
}
