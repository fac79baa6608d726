"""Plays scenarios through the pipeline that the daemon runs."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from biosignal.events import Beat, BeatState, Finding, FindingState, HeartRate, Quality
from biosignal.stream.pipeline import EcgPipeline
from biosignal.stream.stage import Item
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import Scenario
from biosignal.synthetic.scenarios import scenario_named
from edge_agent.inference.bundle_folder import cpu_backend, load_bundle

RELEASED = Path(__file__).parents[2] / "models" / "ecg-beats" / "1.0.0"


@cache
def released():
    """The released beat classifier."""
    return cpu_backend(load_bundle(RELEASED))


@dataclass(frozen=True)
class Played:
    """What the pipeline said of a recording."""

    made: SyntheticRecording
    items: tuple[Item, ...]

    @property
    def beats(self):
        return [one for one in self.items if isinstance(one, Beat) and one.state is BeatState.CONFIRMED]

    @property
    def rates(self):
        """(time it was known, beats a minute or None)."""
        return [(one.decided_at / self.made.fs_hz, one.bpm) for one in self.items if isinstance(one, HeartRate)]

    @property
    def qualities(self):
        return [one for one in self.items if isinstance(one, Quality)]

    def opened(self, kind):
        """(onset, time it was told) of every finding of a kind, in s."""
        fs_hz = self.made.fs_hz
        found = [one for one in self.items if isinstance(one, Finding) and one.kind == kind and one.rev == 0]
        return [(one.onset / fs_hz, one.decided_at / fs_hz) for one in found]

    def standing(self, kind):
        """Last revisions of the findings of a kind that were not withdrawn."""
        last = {one.id: one for one in self.items if isinstance(one, Finding) and one.kind == kind}
        return [one for one in last.values() if one.state is not FindingState.WITHDRAWN]


def play(scenario: Scenario | str, *, seed: int = 1, classified: bool = True) -> Played:
    """Play a scenario through the pipeline."""
    made = SyntheticRecording(scenario_named(scenario) if isinstance(scenario, str) else scenario, seed=seed)
    pipeline = EcgPipeline(
        device="test",
        recording="played",
        fs_hz=made.fs_hz,
        leads=made.leads,
        backend=released() if classified else None,
        backend_reason="" if classified else "switched off",
    )
    items = [out for item in made.blocks("played") for out in pipeline.push(item)]
    return Played(made, (*items, *pipeline.finish()))
