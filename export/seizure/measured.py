"""What the daemon's pipeline measures of each second of a recording, kept so that many limits can decide it."""

from dataclasses import dataclass, field, replace

from biosignal.eeg.montage import Montage, bipolar
from biosignal.events import Finding
from biosignal.model.model import Model
from biosignal.scoring.szcore import Stretch
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks.eeg_seizure.deciding import Said
from biosignal.tasks.eeg_seizure.kinds import NAME
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Second
from biosignal.tasks.eeg_seizure.stage import SeizureStage
from biosignal.tasks.eeg_seizure.voting import Mask
from biosignal.tasks.task import TaskFacts
from export.seizure.candidates import DEVICE, needed, raised
from export.seizure.recordings import EegRecording


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One recording as its seconds, each with the channels that could be trusted; `leads` are those of the montage."""

    name: str
    subject: str
    fs_hz: float
    lasts_s: float
    seizures: tuple[Stretch, ...]
    leads: tuple[str, ...]
    montage: Montage
    seconds: list[tuple[Second, Mask]]


@dataclass(slots=True)
class _Gatherer:
    """Keeps the seconds and says nothing."""

    seconds: list[tuple[Second, Mask]] = field(default_factory=list)

    def decide(self, second: Second, trusted: Mask, /) -> Said:
        """Keep it."""
        self.seconds.append((second, trusted))
        return Said(own_share=0.0, mark=None, findings=[])

    def restart(self) -> None:
        """There is nothing to forget."""

    def end(self, at: int = 0, /) -> list[Finding]:
        """Nothing is open."""
        return []

    def set_limits(self, limits: SeizureLimits, /) -> None:
        """Nothing is decided."""


def measured(recording: EegRecording) -> Measured:
    """Send a recording through the pipeline and keep what was measured of its seconds."""
    gatherer = _Gatherer()
    read: list[tuple[str, ...]] = []

    def make(facts: TaskFacts, _model: Model | None, _limits: SeizureLimits) -> SeizureStage:
        read.append(facts.names)
        return SeizureStage(facts, bipolar(facts.names), gatherer)

    tasks = [replace(task, make=make) if task.name == NAME else task for task in needed()]
    recorded = Recorded(device=DEVICE, recording=recording.name, fs_hz=recording.fs_hz, leads=recording.leads)
    pipeline = Pipeline(tasks, recorded, models={}, on_failure=raised)
    for block in recording.blocks():
        pipeline.push(block)
    pipeline.finish()
    return Measured(
        name=recording.name,
        subject=recording.subject,
        fs_hz=recording.fs_hz,
        lasts_s=recording.seconds,
        seizures=recording.seizures,
        leads=read[0],
        montage=bipolar(read[0]),
        seconds=gatherer.seconds,
    )
