"""The thread that owns the analysis. Everybody else puts signals and orders into its inbox and holds no lock."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, TypeVar

from biosignal.errors import BedsideError
from biosignal.events import AlarmEvent, Recording
from biosignal.model.backend import Backend
from biosignal.stream.assign import Plan
from biosignal.tasks.task import Task
from edge_agent.analysis.analysis import Analysis, Now
from edge_agent.analysis.bedside import Bedside
from edge_agent.analysis.counts import AnalysisCounts
from edge_agent.analysis.inbox import Arrival, End, Inbox, Order
from edge_agent.analysis.switches import Answered
from edge_agent.analysis.troubles import Place
from edge_agent.pulse import Pulse

log = logging.getLogger(__name__)
SWITCH_WAIT_S = 10.0
ORDER_WAIT_S = 10.0
TURN_S = 0.5
ANALYSIS = "analysis"
LIMIT_S = 4.0
"""One item, or one order, takes milliseconds; on the slowest machine with a plan that hangs, a second."""
FINISH_S = 10.0
WAIT_S = 0.05
"""How long an order may wait while a replay waits for the store."""

T = TypeVar("T")


class AnalysisFailed(BedsideError):
    """The analysis met something it has no name for; the daemon ends and is started again."""

    remedy = "keep the log and report this as a fault; a restart begins a new recording"


class AnalysisBusy(BedsideError):
    """The analysis did not get to an order in time."""

    remedy = "try again; `edge-agent doctor` shows whether the analysis stands still"


class AnalysisActor:
    """Runs an analysis on a thread of its own.

    `now`, `alarms` and `plan` are what was last published and may be read by any thread. Orders are carried out between
    two signals, in the order they came, and return what they did.

    Parameters
    ----------
    live : the source goes on without us; time passes for the alarms even when nothing comes.
    may_push : waits up to so many seconds until there is a place for what an item brings; a replay goes on only then.
    """

    def __init__(
        self,
        analysis: Analysis,
        inbox: Inbox,
        *,
        live: bool,
        may_push: Callable[[float], bool] = lambda _: True,
    ) -> None:
        self.pulse = Pulse(ANALYSIS, LIMIT_S)
        self.failure: BedsideError | None = None
        self.ended = threading.Event()
        self.end_reason = "the source ended"
        self._analysis = analysis
        self._inbox = inbox
        self._live = live
        self._may_push = may_push
        self._asked: dict[str, str | None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edge.analysis", daemon=True)
        self._publish()

    # ---- from any thread -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start analysing."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Analyse what waits, close the recording, end the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    @property
    def now(self) -> Now:
        """State of the analysis."""
        return self._now

    @property
    def alarms(self) -> tuple[AlarmEvent, ...]:
        """Unresolved alarms, most urgent first."""
        return self._alarms

    @property
    def plan(self) -> Plan:
        """Which task reads which lead."""
        return self._plan

    @property
    def place(self) -> Place:
        """What a finding about the equipment names now."""
        return self._place

    @property
    def recording(self) -> Recording:
        """The recording at hand."""
        return self._recording

    @property
    def counts(self) -> AnalysisCounts:
        """What was done since the start."""
        return self._analysis.counts

    def acknowledge(self, alarm: str, by: str) -> None:
        """A person has seen an alarm."""
        self._ask(lambda: self._analysis.acknowledge(alarm, by))

    def pause_audio(self, by: str, seconds: float | None) -> None:
        """A person wants silence for a bounded time."""
        self._ask(lambda: self._analysis.pause_audio(by, seconds))

    @property
    def bedside(self) -> Bedside:
        """Whose bed this is, and the limits that were set for them."""
        return self._ask(lambda: self._analysis.bedside)

    def assign_subject(self, subject: str | None) -> None:
        """Another patient, or nobody: a new recording begins."""
        self._ask(lambda: self._analysis.assign_subject(subject))

    def limits_of(self, task: Task) -> Any:
        """The limits in force for a task."""
        return self._ask(lambda: self._analysis.limits_of(task))

    def set_limits(self, task: Task, limits: Any) -> None:
        """Give a task other limits from now on."""
        self._ask(lambda: self._analysis.set_limits(task, limits))

    def switch(self, task: str, backend: Backend | None, reason: str) -> Answered:
        """Answer with `backend` from the next window on; waits until it has answered one, or failed to (10 s)."""
        waiting: Future[Answered] = self._ask(lambda: self._analysis.switch(task, backend, reason))
        try:
            return waiting.result(SWITCH_WAIT_S)
        except NotInTime:
            return Answered(at=self.now.sample, missed=0)

    def adopt(self, alarms: tuple[AlarmEvent, ...]) -> None:
        """Take over alarms of the last run; returns at once."""
        self._inbox.order(Order(lambda: self._analysis.adopt(alarms)))

    def set_trouble(self, kind: str, reason: str | None) -> None:
        """Open a technical finding, or close it where `reason` is None; returns at once."""
        if self._asked.get(kind) != reason:
            self._asked[kind] = reason
            self._inbox.order(Order(lambda: self._analysis.set_trouble(kind, reason)))

    def _ask(self, work: Callable[[], T]) -> T:
        """Have something done on the analysis's thread; on this one where that has ended or was never started.

        Raises
        ------
        AnalysisBusy : it did not get to it in time.
        """
        if self._thread.ident is None or self.ended.is_set():
            done = work()
            self._publish()
            return done
        order = Order(work)
        self._inbox.order(order)
        try:
            result: T = order.done.result(ORDER_WAIT_S)
        except NotInTime as late:
            raise AnalysisBusy("the analysis did not answer in time", seconds=ORDER_WAIT_S) from late
        return result

    # ---- on its own thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        self.pulse.beat()
        try:
            while self._turn():
                self.pulse.beat()
            self.pulse.beat(FINISH_S)
            self._analysis.finish(self.end_reason)
        except Exception as error:  # border of the thread: it must be seen that nothing is analysed any more
            self.failure = AnalysisFailed("the analysis failed", why=f"{type(error).__name__}: {error}")
            log.exception("analysis.run.failed")
            self._analysis.closed = True
        self._publish()
        self.ended.set()
        self._carry_out_the_rest()
        self.pulse.rest()

    def _turn(self) -> bool:
        """Do the next thing; False at the end."""
        waits = not self._live and not self._stop.is_set() and not self._may_push(WAIT_S)
        message = self._inbox.get(0.0 if waits else TURN_S, orders_only=waits)
        if message is None:
            self._analysis.idle()
            self._publish()
            return waits or not self._stop.is_set()
        if isinstance(message, End):
            return False
        if isinstance(message, Arrival):
            self._analysis.push(message.signal, arrived_s=message.at_s)
        else:
            self._carry_out(message)
        self._publish()
        return True

    def _carry_out(self, order: Order) -> None:
        try:
            result = order.work()
        except Exception as error:  # border of an order: whoever gave it learns why, and the analysis goes on
            if not isinstance(error, BedsideError):
                log.exception("analysis.order.failed")
            order.done.set_exception(error)
        else:
            self._publish()
            order.done.set_result(result)

    def _carry_out_the_rest(self) -> None:
        """Answer the orders that came while the thread ended."""
        while isinstance(message := self._inbox.get(0.0, orders_only=True), Order):
            self._carry_out(message)

    def _publish(self) -> None:
        self._now = self._analysis.now
        self._alarms = self._analysis.alarms
        self._plan = self._analysis.plan
        self._recording = self._analysis.recording
        self._place = self._analysis.place
