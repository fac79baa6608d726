"""What the daemon's own pipeline finds in a recording of EEG."""

from collections.abc import Iterable
from dataclasses import dataclass

from biosignal.events import Finding, FindingState
from biosignal.scoring.szcore import Stretch
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.eeg_seizure.kinds import EARLY, KINDS, NAME
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.task import Task
from export.seizure.recordings import EegRecording

DEVICE = "evaluation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A candidate in seconds: where it began and ended, when it was decided, and whether under the prior."""

    start_s: float
    end_s: float
    decided_s: float
    is_early: bool

    @property
    def stretch(self) -> Stretch:
        """Where it lies."""
        return self.start_s, self.end_s


def candidates_of(recording: EegRecording, limits: SeizureLimits | None = None) -> list[Candidate]:
    """Send a recording through the pipeline with the task and what it needs, as a device does."""
    pipeline = Pipeline(
        needed(),
        Recorded(device=DEVICE, recording=recording.name, fs_hz=recording.fs_hz, leads=recording.leads),
        models={},
        limits={} if limits is None else {NAME: limits},
        on_failure=raised,
    )
    first: dict[str, Finding] = {}
    last: dict[str, Finding] = {}
    for items in (*map(pipeline.push, recording.blocks()), pipeline.finish()):
        for finding in _candidates(items):
            first.setdefault(finding.id, finding)
            last[finding.id] = finding
    stands = [name for name, one in last.items() if one.state is not FindingState.WITHDRAWN]
    made = [_candidate(first[name], last[name]) for name in stands]
    return sorted(made, key=lambda one: one.start_s)


def needed() -> list[Task]:
    """Give the task and all that it needs, in their order."""
    names = [NAME]
    for name in names:
        names += TASKS[name].needs
    return [task for task in TASKS.values() if task.name in names]


def _candidates(items: Iterable[object]) -> list[Finding]:
    return [item for item in items if isinstance(item, Finding) and item.kind in KINDS]


def _candidate(first: Finding, last: Finding) -> Candidate:
    fs_hz = first.evidence.fs_hz
    return Candidate(
        start_s=last.onset / fs_hz,
        end_s=last.end / fs_hz,
        decided_s=first.decided_at / fs_hz,
        is_early=first.kind == EARLY,
    )


def raised(task: str, error: Exception) -> None:
    """A device closes a stage that failed and goes on; here its findings would be missing without a word."""
    raise error
