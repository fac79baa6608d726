"""How soon a change is told: steps of the synthetic patient, each at half, normal and double gain."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from biosignal.events import Finding, Mark, MarkState, Reading
from biosignal.model.model import Model
from biosignal.signal.blocks import SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import BEAT
from biosignal.tasks.ecg_rhythm.kinds import HEART_RATE
from export.report.served import Served

BLOCK_S = 0.1
GAINS = (0.5, 1.0, 2.0)
SEEDS = (11, 12, 13)
SHARE = 0.63
"""A rate has followed a step when it shows this share of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A change to be told: the scenario, from when it holds, and either the rate it leads to or the findings that tell.

    `target_s` is how soon it is to be told.
    """

    name: str
    scenario: str
    at_s: float
    target_s: float
    rates: tuple[float, float] | None = None
    findings: tuple[str, ...] = ()


STEPS = (
    Step(name="rate 80 to 120", scenario="monitor-80-120", at_s=60.0, target_s=4.0, rates=(80.0, 120.0)),
    Step(name="rate 80 to 40", scenario="monitor-80-40", at_s=60.0, target_s=5.0, rates=(80.0, 40.0)),
    Step(name="asystole", scenario="asystole-at-minute-1", at_s=60.0, target_s=4.5, findings=("asystole",)),
    Step(name="VT of 206 a minute", scenario="vt-4a", at_s=30.0, target_s=4.0, findings=("vt", "vf")),
    Step(name="VT of 195 a minute", scenario="vt-4b", at_s=30.0, target_s=4.0, findings=("vt", "vf")),
)
"""In the scenario of asystole the last beat comes before the minute; it is counted from that beat."""
COUNTED = (
    ("T waves of 1.2 mV", "tall-t-1200uv", True),
    ("spikes of a pacemaker", "paced", True),
    ("QRS of 0.1 mV", "low-amplitude", False),
)
"""What must not be counted; for the first two the beats must be."""


def measure(answering: Served, *, steps: Sequence[Step] = STEPS) -> dict[str, Any]:
    """Run all steps with the models of `answering`. Progress goes to stderr.

    Returns
    -------
    Plain values: for each step its target and the shortest, the median and the longest time in seconds over gains and
    seeds, `None` where it was not told; for what must not be counted the beats there are and those that were found.
    """
    models = answering.models()
    delays = []
    for step in steps:
        print(step.name, file=sys.stderr, flush=True)
        times = [_delay_s(step, gain, seed, models) for gain in GAINS for seed in SEEDS]
        known = [time for time in times if time is not None]
        delays.append(
            {
                "name": step.name,
                "target_s": step.target_s,
                "tried": len(times),
                "told": len(known),
                "shortest_s": round(min(known), 2) if known else None,
                "median_s": round(median(known), 2) if known else None,
                "longest_s": round(max(known), 2) if len(known) == len(times) else None,
            }
        )
    counted: list[dict[str, Any]] = []
    for name, scenario, has_beats in COUNTED:
        print(name, file=sys.stderr, flush=True)
        counted += [
            {"name": name, "gain": gain, **_count(scenario, gain, models, has_beats=has_beats)}
            for gain in (GAINS if has_beats else (1.0,))
        ]
    return {"what": "response", "steps": delays, "counted": counted}


def _events(made: SyntheticRecording, models: Mapping[str, Model]) -> Iterator[Item]:
    leads = made.leads
    recorded = Recorded(device="response", recording="response", fs_hz=made.fs_hz, leads=leads)
    pipeline = Pipeline(TASKS.values(), recorded, models=models)
    size = round(BLOCK_S * made.fs_hz)
    for start in range(0, made.length, size):
        samples = made.samples(start, min(start + size, made.length))
        yield from pipeline.push(
            SampleBlock(recording="response", start=start, fs_hz=made.fs_hz, leads=leads, samples=samples)
        )
    yield from pipeline.finish()


def _made(scenario: str, gain: float, seed: int) -> SyntheticRecording:
    return SyntheticRecording(replace(SCENARIOS[scenario], gain=gain * SCENARIOS[scenario].gain), seed=seed)


def _delay_s(step: Step, gain: float, seed: int, models: Mapping[str, Model]) -> float | None:
    made = _made(step.scenario, gain, seed)
    beats = [beat.sample for beat in made.truth.beats]
    at = step.at_s * made.fs_hz
    since = max((beat for beat in beats if beat < at), default=0)
    if step.rates is None and step.findings != ("asystole",):
        since = min((beat for beat in beats if beat >= at), default=round(at))
    for event in _events(made, models):
        if isinstance(event, Reading) and step.rates is not None and event.quantity == HEART_RATE and event.at > since:
            before, behind = step.rates
            wanted = before + SHARE * (behind - before)
            reached = event.value is not None and (event.value >= wanted if behind > before else event.value <= wanted)
            if reached:
                return (event.at - since) / made.fs_hz
        if isinstance(event, Finding) and event.kind in step.findings and event.decided_at > since:
            return (event.decided_at - since) / made.fs_hz
    return None


def _count(scenario: str, gain: float, models: Mapping[str, Model], *, has_beats: bool) -> dict[str, Any]:
    made = _made(scenario, gain, SEEDS[0])
    found = [
        one.start
        for one in _events(made, models)
        if isinstance(one, Mark) and one.kind == BEAT.name and one.state is MarkState.CONFIRMED
    ]
    return {"beats": len(made.truth.beats) if has_beats else 0, "found": len(found)}


def response_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Write the figures for a terminal."""
    yield f"seconds over gains {GAINS} and {len(SEEDS)} seeds of the synthetic patient"
    yield f"{'step':<24}{'target':>8}{'shortest':>10}{'median':>8}{'longest':>9}{'told':>8}"
    for one in figures["steps"]:
        times = "".join(
            f"{'-' if one[name] is None else format(one[name], '.2f'):>{width}}"
            for name, width in (("shortest_s", 10), ("median_s", 8), ("longest_s", 9))
        )
        share = f"{one['told']}/{one['tried']}"
        yield f"{one['name']:<24}{one['target_s']:>8.1f}{times}{share:>8}"
    yield ""
    for one in figures["counted"]:
        yield f"{one['name']}, gain {one['gain']:g}: {one['found']} beats found of {one['beats']}"
