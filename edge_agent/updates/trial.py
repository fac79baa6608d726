"""What an update's states are and how one follows from another. Pure: values in, values out.

download -> verify -> self-test -> trial -> commit, or back. The whole state of a task is one `Pointer`; what has yet to
be reported to the clinic (`owed`) is part of it, so that a power cut between an act and its report loses neither.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum

from biosignal.errors import BadInput
from biosignal.events import Command, ModelReport
from edge_agent.updates.settings import TrialSettings

FAILURES_KEPT = 16
_TARGET = re.compile(r"([a-z0-9][a-z0-9-]{0,63})/((?:0|[1-9][0-9]{0,5})(?:\.(?:0|[1-9][0-9]{0,5})){2})\.bundle")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One bundle on the shelf: ``name/version`` and the digest of its manifest."""

    bundle: str
    digest: str

    @property
    def file(self) -> str:
        """Its file below the task's folder."""
        return f"{self.bundle.rpartition('/')[2]}-{self.digest[:16]}.bundle"


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A model the clinic announced: by which command, and how often its update was begun."""

    command: str
    task: str
    target: str
    version: str
    begun: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """How often a bundle failed on this device."""

    digest: str
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """All that is known about one task's bundles. None of current and previous means the factory's.

    `starts` counts starts of what runs since it was last seen healthy; `distrusted` are bundles not started again.
    `missed` is what the switch to the trial cost; `offer` stands from the command until commit or refusal.
    """

    current: Entry | None = None
    previous: Entry | None = None
    trial: Entry | None = None
    offer: Offer | None = None
    missed: int = 0
    starts: int = 0
    failures: tuple[Failure, ...] = ()
    distrusted: tuple[str, ...] = ()
    owed: tuple[ModelReport, ...] = ()


class Verdict(str, Enum):
    """What a trial's windows say so far."""

    GO_ON = "go-on"
    COMMIT = "commit"
    ROLL_BACK = "roll-back"


def offer_of(command: Command) -> Offer:
    """Read a new-model command.

    Raises
    ------
    BadInput : an argument is missing, or task, target and version do not name one and the same bundle.
    """
    task, target, version = (command.argument(name) or "" for name in ("task", "target", "version"))
    match = _TARGET.fullmatch(target)
    if match is None or match[2] != version or not task:
        raise BadInput(
            "a new-model command names task, target `name/version.bundle` and that version",
            task=task,
            target=target,
            version=version,
        )
    return Offer(command=command.id, task=task, target=target, version=version)


def version_key(version: str) -> tuple[int, ...]:
    """Order versions as numbers."""
    return tuple(int(part) for part in version.split("."))


def verdict_of(healthy: int, failed: int, enough: int) -> Verdict:
    """Decide a trial: one failed window ends it, enough healthy ones commit it."""
    if failed:
        return Verdict.ROLL_BACK
    return Verdict.COMMIT if healthy >= enough else Verdict.GO_ON


def came_up_badly(pointer: Pointer, settings: TrialSettings) -> bool:
    """Whether what runs now has been started too often without a sign of health."""
    return pointer.starts >= settings.bad_starts


def failed_too_often(pointer: Pointer, digest: str, settings: TrialSettings) -> bool:
    """Whether trying this bundle again would only loop."""
    return any(failure.digest == digest and failure.times >= settings.tries for failure in pointer.failures)


# ---- one state from another ------------------------------------------------------------------------------------------


def offered(pointer: Pointer, offer: Offer) -> Pointer:
    """Note that an update is to be carried out."""
    return replace(pointer, offer=offer)


def begun(pointer: Pointer) -> Pointer:
    """Note that the offer's update begins once more."""
    if pointer.offer is None:
        return pointer
    return replace(pointer, offer=replace(pointer.offer, begun=pointer.offer.begun + 1))


def owing(pointer: Pointer, report: ModelReport) -> Pointer:
    """Note a report that is to be stored for the clinic."""
    return replace(pointer, owed=(*(owed for owed in pointer.owed if owed.id != report.id), report))


def reported(pointer: Pointer, report: ModelReport) -> Pointer:
    """Note that a report was stored for the clinic."""
    return replace(pointer, owed=tuple(owed for owed in pointer.owed if owed.id != report.id))


def refused(pointer: Pointer, report: ModelReport, *, digest: str | None = None) -> Pointer:
    """End the offer; with `digest`, count a failure of that bundle."""
    counted = pointer if digest is None else _counted(pointer, digest)
    return owing(replace(counted, offer=None), report)


def on_trial(pointer: Pointer, entry: Entry, report: ModelReport | None = None) -> Pointer:
    """From now on `entry` is what runs, on trial; the current bundle stays what it rolls back to."""
    after = replace(pointer, trial=entry, missed=0, starts=0)
    return after if report is None else owing(after, report)


def switched_over(pointer: Pointer, report: ModelReport) -> Pointer:
    """Note what the switch to the bundle on trial cost."""
    return owing(replace(pointer, missed=report.windows_missed), report)


def committed(pointer: Pointer, report: ModelReport) -> Pointer:
    """Make the bundle on trial the current one and the current one the previous."""
    if pointer.trial is None:
        return pointer
    kept = tuple(failure for failure in pointer.failures if failure.digest != pointer.trial.digest)
    after = replace(
        pointer, current=pointer.trial, previous=pointer.current, trial=None, offer=None, starts=0, failures=kept
    )
    return owing(after, report)


def rolled_back(pointer: Pointer, report: ModelReport) -> Pointer:
    """Drop the bundle on trial and count its failure."""
    if pointer.trial is None:
        return pointer
    after = replace(_counted(pointer, pointer.trial.digest), trial=None, offer=None, starts=0)
    return owing(after, report)


def distrusted(pointer: Pointer, digest: str, report: ModelReport) -> Pointer:
    """Start this committed bundle no more."""
    known = tuple(dict.fromkeys((*pointer.distrusted, digest)))
    return owing(replace(pointer, distrusted=known[-FAILURES_KEPT:], starts=0), report)


def _counted(pointer: Pointer, digest: str) -> Pointer:
    times = next((failure.times for failure in pointer.failures if failure.digest == digest), 0) + 1
    others = tuple(failure for failure in pointer.failures if failure.digest != digest)
    return replace(pointer, failures=(*others, Failure(digest=digest, times=times))[-FAILURES_KEPT:])


def started(pointer: Pointer) -> Pointer:
    """Count a start before it is attempted; the factory bundle is not counted, there is nothing behind it."""
    if pointer.trial is None and pointer.current is None:
        return pointer
    return replace(pointer, starts=pointer.starts + 1)


def seen_healthy(pointer: Pointer) -> Pointer:
    """The running model is healthy: reset the count of starts."""
    return replace(pointer, starts=0)
