"""When sleep began, and when the first REM sleep did: by stages that persist."""

from collections.abc import Iterator

from biosignal.events import FindingState, Mark
from biosignal.tasks.eeg_sleep.kinds import (
    LATENCY,
    NAME,
    REM,
    REM_LATENCY,
    REM_ONSET,
    RULES,
    SLEEP_ONSET,
    WAKE,
)
from biosignal.tasks.eeg_sleep.limits import SleepLimits
from biosignal.tasks.finding_log import FindingLog, by_rule, mark_set, worst_quality


class Onsets:
    """Watches the epochs of a night; an epoch without a stage neither begins nor ends a run."""

    def __init__(self, log: FindingLog, limits: SleepLimits) -> None:
        self.limits = limits
        self._log = log
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget the night."""
        self._first: int | None = None
        self._asleep: list[Mark] = []
        self._dreams: list[Mark] = []
        self._onset: int | None = None
        self._rem_has_begun = False
        self._slept_until = 0

    def on_epoch(self, epoch: Mark) -> None:
        """Take the next epoch."""
        self._first = epoch.start if self._first is None else self._first
        if self._onset is not None and epoch.end - self._slept_until > self._log.samples(self.limits.night_ends_s):
            self.begin_anew()
            self._first = epoch.start
        if epoch.label is None:
            return
        self._asleep = [*self._asleep, epoch][-self.limits.onset_epochs :]
        self._dreams = [*self._dreams, epoch] if epoch.label == REM else []
        if epoch.label != WAKE:
            self._slept_until = epoch.end
        for kind in self._begun():
            self._open(kind)

    def _begun(self) -> Iterator[str]:
        if self._onset is None and self._has_fallen_asleep():
            self._onset = self._asleep[0].start
            yield SLEEP_ONSET
        if self._onset is not None and not self._rem_has_begun and len(self._dreams) >= self.limits.rem_epochs:
            self._rem_has_begun = True
            yield REM_ONSET

    def _has_fallen_asleep(self) -> bool:
        epochs, limits = self._asleep, self.limits
        awake = sum(epoch.label == WAKE for epoch in epochs)
        return len(epochs) == limits.onset_epochs and epochs[0].label != WAKE and awake <= limits.onset_awake

    def _open(self, kind: str) -> None:
        is_onset = kind == SLEEP_ONSET
        marks = self._asleep if is_onset else self._dreams
        onset, since = marks[0].start, self._first if is_onset else self._onset
        assert since is not None, "an onset lies behind the first epoch"
        minutes = self._log.seconds(onset - since) / 60.0
        finding = self._log.open(
            kind,
            onset=onset,
            end=marks[-1].end,
            outcome=by_rule(NAME, RULES, kind),
            measures=(self._log.measure(LATENCY if is_onset else REM_LATENCY, minutes),),
            quality=worst_quality(marks),
            marks=mark_set(marks),
            leads=marks[0].leads,
        )
        self._log.revise(finding, FindingState.CLOSED)
