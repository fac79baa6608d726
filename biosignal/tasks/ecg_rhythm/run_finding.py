"""What is said of one run of ventricular beats, from the finding that opens to the one that closes."""

from biosignal.events import Finding, FindingState, Measure
from biosignal.tasks.ecg_rhythm.run import Run, quickened
from biosignal.tasks.finding_log import FindingLog, mark_set, worst_quality


class RunFinding:
    """The finding of one run: none at first, then one kind after the other.

    Parameters
    ----------
    run : the beats so far; more may be added to it.
    """

    def __init__(self, log: FindingLog, run: Run) -> None:
        self.run = run
        self.held: str | None = None
        """What the run is, while the pulse has not changed with it."""
        self._log = log
        self._open: Finding | None = None

    @property
    def kind(self) -> str | None:
        """The kind of what is open."""
        return None if self._open is None else self._open.kind

    def open(self, kind: str, *, alarms: bool = True) -> None:
        """Open a finding of all beats."""
        run = self.run
        self._open = self._log.open(
            kind,
            onset=run.onset,
            end=run.last,
            outcome=run.beats[0].outcome,
            measures=self._measures(),
            quality=worst_quality(run.beats),
            marks=mark_set(run.beats, run.count),
            alarms=alarms,
        )

    def open_tachycardia(self, *, was_slow: bool) -> None:
        """Open `vt` in place of what was open; of a run that was slow, that stands and `vt` has the latest beats."""
        self._revise(FindingState.CLOSED if was_slow else FindingState.WITHDRAWN)
        if was_slow:
            self.run = quickened(self.run)
        self.open("vt")

    def extend(self) -> None:
        """Extend what is open, if that was silent long enough."""
        if self._open is not None and self._log.is_due(self._open):
            self._revise(FindingState.EXTENDED)

    def close(self) -> None:
        """Close what is open."""
        self._revise(FindingState.CLOSED)

    def _revise(self, state: FindingState) -> None:
        run = self.run
        if self._open is not None:
            self._open = self._log.revise(
                self._open, state, end=run.last, measures=self._measures(), marks=mark_set(run.beats, run.count)
            )

    def _measures(self) -> tuple[Measure, ...]:
        log, run = self._log, self.run
        return (
            log.measure("count", run.count),
            log.measure("v_rate", run.rate_per_min(log.fs_hz)),
            log.measure("duration", log.seconds(run.last - run.onset)),
            log.measure("probability", run.probability),
            *((log.measure("otherwise", run.otherwise),) if run.otherwise else ()),
        )
