"""Plays scenarios through the pipeline that the daemon runs."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from biosignal.events import Finding, FindingState, Mark, MarkState, Reading
from biosignal.model.model import Model
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import Scenario
from biosignal.synthetic.scenarios import scenario_named
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import BEAT
from biosignal.tasks.ecg_rhythm.kinds import HEART_RATE
from biosignal.tasks.lookup import models as tasks_with_models
from biosignal.tasks.signal_quality.kinds import SECOND
from edge_agent.inference.bundle_folder import cpu_backend, load_bundle

RELEASED = Path(__file__).parents[2] / "models"


@cache
def released(task):
    """The released classifier of a task."""
    return cpu_backend(load_bundle(max((RELEASED / task).iterdir())))


def models(*, classified=True):
    """A model for every task that has one, answering or switched off."""
    return {
        name: Model(name, task.model, released(name) if classified else None, "" if classified else "switched off")
        for name, task in tasks_with_models().items()
    }


@dataclass(frozen=True)
class Played:
    """What the pipeline said of a recording."""

    made: SyntheticRecording
    items: tuple[Item, ...]

    def _marks(self, kind):
        return [one for one in self.items if isinstance(one, Mark) and one.kind == kind.name]

    @property
    def beats(self):
        return [one for one in self._marks(BEAT) if one.state is MarkState.CONFIRMED]

    @property
    def rates(self):
        """(time it was known, beats a minute or None)."""
        readings = [one for one in self.items if isinstance(one, Reading) and one.quantity == HEART_RATE]
        return [(one.at / self.made.fs_hz, one.value) for one in readings]

    @property
    def qualities(self):
        return self._marks(SECOND)

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
    recorded = Recorded(device="test", recording="played", fs_hz=made.fs_hz, leads=made.leads)
    pipeline = Pipeline(TASKS.values(), recorded, models=models(classified=classified))
    items = [out for item in made.blocks("played") for out in pipeline.push(item)]
    return Played(made, (*items, *pipeline.finish()))
