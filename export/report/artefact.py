"""Artefacts of the EEG that the synthetic patient makes: each must be named within a second, and none in clean signal.

Every case is drawn from the seed: who lies there in which state, how many leads at which rate, where the artefact is,
how large, and when it begins. The pipeline is given blocks of a tenth of a second, as a board gives them.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

from biosignal.events import Mark, Reading
from biosignal.signal.blocks import SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.synthetic.brain import BrainState, BurstSuppression, Seizure, Sleep, Wake
from biosignal.synthetic.draw import generator
from biosignal.synthetic.montage import BIPOLAR, REFERENTIAL, channel_electrodes
from biosignal.synthetic.noise import (
    Bridge,
    ElectrodePop,
    FlatChannel,
    Hiss,
    LeadOff,
    Mains,
    Muscle,
    Noise,
    Saturation,
)
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import BrainSegment, Scenario
from biosignal.tasks.eeg_quality.kinds import ARTEFACT, NAME, SECOND, USABLE
from biosignal.tasks.eeg_quality.task import EEG_QUALITY

CASES = 50
"""Of each artefact, and as many without one."""
WITHIN_S = 1.0
LENGTH_S = 18.0
LEAST_S = 6.0
"""An artefact begins at the earliest here: some know by then what a lead usually shows."""
BLOCK_S = 0.1
CLEAN = "clean"
EIGHT = ("Fp1", "Fp2", "C3", "C4", "T3", "T4", "O1", "O2")
MONTAGES = (EIGHT, REFERENTIAL, BIPOLAR)
RATES_HZ = (160.0, 200.0, 250.0, 256.0, 500.0)
AWAKE: tuple[BrainState, ...] = (Wake(), Wake(eyes_closed=False, blinks_per_min=0.0))
ASLEEP: tuple[BrainState, ...] = tuple(Sleep(stage=stage) for stage in ("N1", "N2", "N3", "R"))
ILL: tuple[BrainState, ...] = (
    Seizure(after_s=3.0, seizure_s=12.0),
    Seizure(after_s=4.0, seizure_s=10.0, focus="Fz", generalised=True, first_hz=3.3, first_uv=150.0, last_uv=180.0),
    BurstSuppression(),
)
SAME_ARTEFACT = {"lead-off": ("lead-off", "flat"), "saturated": ("saturated", "lead-off")}
"""Names that are right as well: whether an input rests at its rail or is dead is one question."""


class Draw:
    """What one case is made of, drawn in a fixed order."""

    def __init__(self, seed: int, kind: str, number: int) -> None:
        self._random = generator(seed, "artefact", kind, number)

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        return low + (high - low) * float(self._random.random())

    def one_of(self, choices: Sequence[Any]) -> Any:
        """Draw one of several."""
        return choices[int(self._random.integers(len(choices)))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A recording to be graded: what is wrong with it, on which leads, from when on; without onset nothing is wrong."""

    kind: str
    number: int
    scenario: Scenario
    seed: int
    onset_s: float | None = None
    leads: tuple[str, ...] = ()


def _touching(channels: Sequence[str], electrodes: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in channels if set(channel_electrodes(name)) & set(electrodes))


def _electrodes(channels: Sequence[str]) -> list[str]:
    seen = (electrode for name in channels for electrode in channel_electrodes(name) if electrode)
    return list(dict.fromkeys(seen))


def _mains(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    electrode = draw.one_of(_electrodes(channels))
    noise = Mains(
        start_s=start_s,
        amplitude_mv=draw.between(0.05, 0.3),
        mains_hz=draw.one_of((50.0, 60.0)),
        electrodes=(electrode,),
    )
    return noise, (electrode,)


def _flat(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    electrode = draw.one_of(_electrodes(channels))
    return FlatChannel(start_s=start_s, duration_s=draw.between(2.0, 8.0), electrodes=(electrode,)), (electrode,)


def _off(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    electrode = draw.one_of(_electrodes(channels))
    rail_mv = draw.between(0.8, 3.0) * draw.one_of((-1.0, 1.0))
    return LeadOff(start_s=start_s, duration_s=6.0, electrodes=(electrode,), rail_mv=rail_mv), (electrode,)


def _pop(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    electrode = draw.one_of(_electrodes(channels))
    noise = ElectrodePop(
        start_s=start_s,
        amplitude_mv=draw.between(0.15, 0.5),
        tau_s=draw.between(0.25, 1.0),
        electrodes=(electrode,),
    )
    return noise, (electrode,)


def _muscle(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    side = draw.one_of((("T3",), ("T4",), ("T3", "T4")))
    noise = Muscle(start_s=start_s, amplitude_mv=draw.between(0.04, 0.15), bursts=0.2, electrodes=side)
    return noise, side


def _saturated(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    limit_mv = draw.between(0.3, 1.5)
    side = draw.one_of((-1.0, 1.0))
    noise = Saturation(start_s=start_s, duration_s=6.0, limit_mv=limit_mv, offset_mv=side * limit_mv)
    return noise, tuple(_electrodes(channels))


def _bridged(draw: Draw, start_s: float, channels: Sequence[str]) -> tuple[Noise, tuple[str, ...]]:
    pair = draw.one_of((("C3", "T3"), ("C4", "T4"), ("O1", "O2"), ("Fp1", "Fp2")))
    return Bridge(start_s=start_s, electrodes=pair), pair


Maker = Callable[[Draw, float, Sequence[str]], tuple[Noise, tuple[str, ...]]]
MAKERS: Mapping[str, Maker] = {
    "mains": _mains,
    "flat": _flat,
    "pop": _pop,
    "muscle": _muscle,
    "saturated": _saturated,
    "lead-off": _off,
    "bridged": _bridged,
}
"""Artefacts that are added to a recording, by what the task calls them; a blink is the patient's own."""
KINDS = ("blink", *MAKERS)
STATES: Mapping[str, Sequence[BrainState]] = {"bridged": (Wake(), Sleep(stage="N2"), Sleep(stage="N3"))}


def case_of(kind: str, number: int, seed: int) -> Case:
    """Draw a case; `number` counts those of its kind from 0."""
    draw = Draw(seed, kind, number)
    fs_hz, montage = draw.one_of(RATES_HZ), draw.one_of(MONTAGES)
    played = int(draw.between(0, 2**31))
    hiss = Hiss(amplitude_mv=draw.between(0.0005, 0.0015))
    if kind == CLEAN:
        state = draw.one_of((*AWAKE, *ASLEEP, *ILL))
        return Case(kind=kind, number=number, scenario=_scenario(fs_hz, montage, state, (hiss,)), seed=played)
    if kind == "blink":
        return _blinking(number, _scenario(fs_hz, montage, Wake(eyes_closed=False), (hiss,)), played)
    # In a bipolar montage joined electrodes show as a lead that is flat.
    montage = draw.one_of((EIGHT, REFERENTIAL)) if kind == "bridged" else montage
    state = draw.one_of(STATES.get(kind, (*AWAKE, *ASLEEP)))
    onset_s = draw.between(LEAST_S, LEAST_S + 4.0)
    noise, electrodes = MAKERS[kind](draw, onset_s, montage)
    scenario = _scenario(fs_hz, montage, state, (hiss, noise))
    leads = _touching(montage, electrodes)
    return Case(kind=kind, number=number, scenario=scenario, seed=played, onset_s=onset_s, leads=leads)


def _blinking(number: int, scenario: Scenario, seed: int) -> Case:
    """The first blink behind `LEAST_S`; another seed of the patient where there is none."""
    while True:
        blinks = SyntheticRecording(scenario, seed=seed).truth.of("blink")
        starts_s = [one.start / scenario.fs_hz for one in blinks]
        later = [start_s for start_s in starts_s if LEAST_S <= start_s < LENGTH_S - 2.0]
        if later:
            leads = _touching(scenario.channels, ("Fp1", "Fp2"))
            return Case(kind="blink", number=number, scenario=scenario, seed=seed, onset_s=later[0], leads=leads)
        seed += 1


def _scenario(fs_hz: float, channels: tuple[str, ...], state: BrainState, noise: tuple[Noise, ...]) -> Scenario:
    return Scenario(
        name="artefact",
        about="",
        duration_s=LENGTH_S,
        fs_hz=fs_hz,
        leads=(),
        channels=channels,
        brain=(BrainSegment(start_s=0.0, state=state),),
        noise=noise,
    )


def score_case(case: Case) -> dict[str, Any]:
    """Grade a case, as plain values.

    Returns
    -------
    `named_s` and `seen_s`: how long after its onset the artefact was named rightly, and whatever was said first, on a
    lead that has it; None where never. `false_seconds` of the `clean_seconds` of leads without it, and of all leads
    before it, were said to have something.
    """
    made = SyntheticRecording(case.scenario, seed=case.seed)
    right = SAME_ARTEFACT.get(case.kind, (case.kind,))
    named: list[float] = []
    seen: list[float] = []
    clean = false = 0
    called: dict[str, int] = {}
    for item in _events(made):
        if not isinstance(item, Mark | Reading) or item.task != NAME:
            continue
        is_second = isinstance(item, Mark) and item.kind == SECOND.name
        if not is_second and not (isinstance(item, Reading) and item.quantity == ARTEFACT):
            continue
        at = item.decided_at if isinstance(item, Mark) else item.at
        label, since_s = item.label or "", None if case.onset_s is None else at / made.fs_hz - case.onset_s
        if since_s is not None and since_s >= 0 and item.leads[0] in case.leads:
            if label != USABLE:
                seen.append(since_s)
            if label in right:
                named.append(since_s)
        elif is_second and not _is_blinking(case, item.leads[0]):
            clean += 1
            if label != USABLE:
                false += 1
                called[label] = called.get(label, 0) + 1
    return {
        "kind": case.kind,
        "case": case.number,
        "onset_s": case.onset_s and round(case.onset_s, 3),
        "named_s": round(min(named), 3) if named else None,
        "seen_s": round(min(seen), 3) if seen else None,
        "clean_seconds": clean,
        "false_seconds": false,
        "false_named": called,
    }


def _is_blinking(case: Case, lead: str) -> bool:
    """Whether other blinks than the one that is scored may be seen there."""
    return case.kind == "blink" and lead in case.leads


def _events(made: SyntheticRecording) -> Iterator[Item]:
    recorded = Recorded(device="artefact", recording="artefact", fs_hz=made.fs_hz, leads=made.leads)
    pipeline = Pipeline([EEG_QUALITY], recorded, models={})
    size = round(BLOCK_S * made.fs_hz)
    samples = made.samples(0, made.length)
    for start in range(0, made.length, size):
        block = np.ascontiguousarray(samples[:, start : start + size])
        yield from pipeline.push(
            SampleBlock(recording="artefact", start=start, fs_hz=made.fs_hz, leads=made.leads, samples=block)
        )
    yield from pipeline.finish()


def _scored(work: tuple[str, int], seed: int) -> dict[str, Any]:
    kind, number = work
    return score_case(case_of(kind, number, seed))


def evaluate_artefacts(*, seed: int, cases: int = CASES, jobs: int = 1) -> dict[str, Any]:
    """Draw and grade `cases` recordings of each artefact and as many clean ones; progress goes to stderr.

    Returns
    -------
    Plain values as the other evaluations give them: `gross` by artefact and for the clean ones, `records` likewise as
    rows, `cases` with each by itself.
    """
    work = [(kind, number) for kind in (*KINDS, CLEAN) for number in range(cases)]
    rows: list[dict[str, Any]] = []
    for row in _all_scored(work, seed, jobs):
        rows.append(row)
        if len(rows) % cases == 0:
            print(f"{row['kind']}: {cases} cases", file=sys.stderr, flush=True)
    gross: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        gross[kind] = _figures([row for row in rows if row["kind"] == kind])
    gross[CLEAN] = _clean_figures([row for row in rows if row["kind"] == CLEAN])
    return {
        "what": "artefact",
        "set": f"the synthetic patient, seed {seed}",
        "scored": len(rows),
        "published": None,
        "tuned_on": "the synthetic patient with seeds from 1000 on",
        "from_s": 0.0,
        "seed": seed,
        "bundles": [],
        "gross": gross,
        "average": {},
        "interval": {},
        "records": [{"record": kind, **figures} for kind, figures in gross.items()],
        "cases": rows,
    }


def _all_scored(work: Sequence[tuple[str, int]], seed: int, jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from (_scored(one, seed) for one in work)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_scored, seed=seed), work, chunksize=5)


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    times_s = [row["named_s"] for row in rows if row["named_s"] is not None]
    return {
        "cases": len(rows),
        "found": sum(time_s <= WITHIN_S for time_s in times_s),
        "found_later": sum(time_s > WITHIN_S for time_s in times_s),
        "named_otherwise": sum(row["named_s"] is None and row["seen_s"] is not None for row in rows),
        "median_s": round(median(times_s), 3) if times_s else None,
        "longest_s": max(times_s, default=None),
        "false_seconds": sum(row["false_seconds"] for row in rows),
        "clean_seconds": sum(row["clean_seconds"] for row in rows),
    }


def _clean_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "cases": len(rows),
        "with_artefact": sum(row["false_seconds"] > 0 for row in rows),
        "false_seconds": sum(row["false_seconds"] for row in rows),
        "clean_seconds": sum(row["clean_seconds"] for row in rows),
    }
