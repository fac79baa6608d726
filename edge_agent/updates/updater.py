"""Takes an announced model through download, self-test and trial, in a thread of its own.

The analysis never waits for it: `on_command` and `window` only leave a note. Every state is on the shelf before it
is in effect, and every report is owed there until it was stored.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from biosignal.errors import BadInput, BedsideError, RefusedForSafety
from biosignal.events import Command, CommandAnswer, ModelReport, Rung, stable_id
from edge_agent.pulse import Pulse
from edge_agent.updates import trial
from edge_agent.updates.cargo import Cargo, Served
from edge_agent.updates.errors import (
    BundleUnfit,
    RepositoryRolledBack,
    SelfTestFailed,
    TriedBefore,
    Unreachable,
    UpdateFailed,
    UpdateRefused,
)
from edge_agent.updates.settings import TrialSettings
from edge_agent.updates.shelf import FACTORY, BundleShelf, NothingRunnable, Taken
from edge_agent.updates.trial import Entry, Offer, Pointer, Verdict

log = logging.getLogger(__name__)
LIMIT_S = 30.0
UPDATE_S = 900.0
"""One attempt to fetch a model, or its self-test with a plan that is built on this machine, takes no longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Switched:
    """What the analysis says after it changed backends: where, on which rung, and which windows no model answered."""

    recording: str | None
    at: int
    rung: Rung
    windows_missed: int = 0


class _Stopping(Exception):
    """The agent stops while the clinic is being waited for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """What `open` found to run."""

    bundle: Cargo
    backend: Served
    place: str


class Updater:
    """Keeps the model of each task up to date; what happens to one task leaves the others alone.

    Parameters
    ----------
    device : for the reports' ids.
    fetch : gives the bytes of a signed target (`UpdateClient.fetch`).
    admit : self-test; gives a backend that reproduced the golden vectors here, or raises a `BedsideError`.
    on_switch : makes the analysis use a backend (None: no model) from the next window on, closes the one before, and
        says where that was. Called in the updater's thread; it may wait for the analysis, never the other way round.
    where : where the analysis of a task is now.
    report : stores a report durably; may raise, then it is given again later.
    """

    def __init__(
        self,
        settings: TrialSettings,
        shelf: BundleShelf,
        *,
        device: str,
        fetch: Callable[[str], bytes],
        admit: Callable[[Cargo], Served],
        on_switch: Callable[[str, Served | None, str], Switched],
        where: Callable[[str], Switched],
        report: Callable[[ModelReport], None],
    ) -> None:
        self._settings = settings
        self._shelf = shelf
        self._device = device
        self._fetch = fetch
        self._admit = admit
        self._on_switch = on_switch
        self._where = where
        self._report = report
        self._lock = threading.Lock()  # guards the notes below; never held during work
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._offers: deque[Offer] = deque(maxlen=8)
        self._busy: set[str] = set()
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}
        self._running: dict[str, Taken] = {}
        self._work = threading.RLock()  # one piece of work on the shelf at a time
        self.pulse = Pulse("updates", LIMIT_S)
        self._thread: threading.Thread | None = None

    # ---- for the agent's other threads ---------------------------------------------------------------------------

    def open(self, task: str) -> Running:
        """Give what to run at start: the best bundle that verifies and passes its self-test. Call it before `start`.

        Raises
        ------
        NothingRunnable : the factory bundle is missing or damaged.
        ContractBroken, NotAdmitted : it is not what the task needs, or does not pass its self-test either.
        """
        with self._work:
            self._leave_what_did_not_come_up(task)
            self._note(task, trial.started)
            for taken in self._shelf.runnable(task):
                backend = self._admitted(taken)
                if isinstance(backend, BedsideError):
                    if taken.place == FACTORY:
                        raise backend
                    self._pass_over(task, taken, f"self-test at start: {backend}")
                    continue
                self._drop_lost_trial(task, taken)
                self._running[task] = taken
                return Running(bundle=taken.bundle, backend=backend, place=taken.place)
            raise AssertionError("the shelf ends with the factory bundle")

    def open_backend(self, task: str) -> Served:
        """Give the backend of what `open` finds."""
        return self.open(task).backend

    def start(self) -> None:
        """Start the thread; it first goes on with what a restart interrupted."""
        self._thread = threading.Thread(target=self._run, name="edge.updates", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop cleanly: what runs is not held to have come up badly."""
        self._stop.set()
        self._bell.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._work.acquire(timeout=timeout_s):
            try:
                self._for_each(self._note_alive)
            finally:
                self._work.release()

    def on_command(self, command: Command) -> CommandAnswer:
        """Take a new-model command; the answer says only whether the update begins, the reports say how it went."""
        try:
            offer = trial.offer_of(command)
            outcome, reason = self._take_offer(offer)
        except BadInput as error:
            outcome, reason = "refused", str(error)
        return CommandAnswer(
            id=stable_id(self._device, "answer", command.id),
            command=command.id,
            name=command.name,
            outcome=outcome,
            reason=reason,
        )

    def window(self, task: str, bundle: str, healthy: bool) -> None:
        """Note one window of a task that `bundle` answered, or failed to. Cheap: one lock that is never held long."""
        with self._lock:
            good, bad = self._windows.get((task, bundle), (0, 0))
            self._windows[task, bundle] = (good + healthy, bad + (not healthy))
            first = good + bad == 0
            ring = first or not healthy or good + 1 == self._enough(task)
        if ring:
            self._bell.set()

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _take_offer(self, offer: Offer) -> tuple[str, str]:
        if offer.task not in self._shelf.tasks:
            return "refused", f"this device uses no model for a task {offer.task}"
        running = self._running.get(offer.task)
        if running is not None and running.bundle.identity == offer.target.removesuffix(".bundle"):
            return "done", "this model runs already"
        with self._lock:
            if offer.task in self._busy:
                return "refused", "another update of this task is under way; announce again when it has ended"
            self._busy.add(offer.task)
            self._offers.append(offer)
        self._bell.set()
        return "done", "the update begins; model reports follow"

    def _run(self) -> None:
        self.pulse.beat(UPDATE_S)
        since = time.monotonic()
        alive_noted = False
        self._for_each(self._resume)
        while not self._stop.is_set():
            self.pulse.beat()
            self._bell.wait(timeout=1.0)
            self._bell.clear()
            self._for_each(self._tend)
            while not self._stop.is_set() and (offer := self._next_offer()) is not None:
                self.pulse.beat(UPDATE_S)
                self._guarded(lambda offer=offer: self._begin(offer))  # type: ignore[misc]  # bound now, run now
            if not alive_noted and time.monotonic() - since > self._settings.alive_s:
                alive_noted = True
                self._for_each(self._note_alive)
        self.pulse.rest()

    def _for_each(self, work: Callable[[str], None]) -> None:
        """Do it for every task; a fault at one must not keep the others waiting."""
        for task in self._shelf.tasks:
            self._guarded(partial(work, task))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            with self._work:
                work()
        except Exception:  # border of the thread: a fault here must not end updates, nor the daemon
            log.exception("updates.work.failed")

    def _next_offer(self) -> Offer | None:
        with self._lock:
            return self._offers.popleft() if self._offers else None

    def _resume(self, task: str) -> None:
        self._report_owed(task)
        pointer = self._shelf.pointer(task)
        if pointer.offer is not None:
            with self._lock:
                self._busy.add(task)
            if pointer.trial is None:
                self._update(pointer.offer)

    def _note_alive(self, task: str) -> None:
        self._shelf.change(task, trial.seen_healthy)

    def _tend(self, task: str) -> None:
        """Decide a trial by the windows noted since."""
        self._report_owed(task)
        taken = self._running.get(task)
        if taken is None:
            return
        with self._lock:
            good, bad = self._windows.get((task, taken.bundle.identity), (0, 0))
        if good and not bad and self._shelf.pointer(task).starts:
            self._shelf.change(task, trial.seen_healthy)
        if taken.place != "trial":
            return
        verdict = trial.verdict_of(good, bad, self._enough(task))
        if verdict is Verdict.COMMIT:
            self._commit(task, taken)
        elif verdict is Verdict.ROLL_BACK:
            self._back_to_current(task, f"a window failed after {good} healthy ones")

    # ---- one update ----------------------------------------------------------------------------------------------

    def _begin(self, offer: Offer) -> None:
        self._shelf.change(offer.task, lambda pointer: trial.offered(pointer, offer))
        self._update(offer)

    def _update(self, offer: Offer) -> None:
        bundle: Cargo | None = None
        try:
            if offer.begun >= self._settings.interruptions:
                raise TriedBefore("the update was interrupted too often", begun=offer.begun)
            self._shelf.change(offer.task, trial.begun)
            bundle = self._download(offer)
            self._self_test_and_switch(offer, bundle)
        except _Stopping:
            return  # the offer stands on the shelf; the next start goes on with it
        except (UpdateRefused, UpdateFailed) as error:
            self._refuse(offer, bundle, error)
        except Exception as error:  # whatever an update meets, it ends with a report and the old model
            log.exception("updates.update.failed")
            self._refuse(offer, bundle, UpdateFailed("the update met a fault", why=repr(error)))

    def _download(self, offer: Offer) -> Cargo:
        running = self._running.get(offer.task)
        if running is not None and trial.version_key(offer.version) < trial.version_key(running.bundle.version):
            raise RepositoryRolledBack("an older model was offered than runs here", runs=running.bundle.identity)
        data = self._fetch_patiently(offer.target)
        try:
            bundle = self._shelf.opened(offer.task, data)
        except (BadInput, RefusedForSafety) as error:
            raise BundleUnfit("the signed file is no bundle that can run here", why=str(error)) from error
        if bundle.identity != offer.target.removesuffix(".bundle"):
            raise BundleUnfit("the bundle is another than announced", bundle=bundle.identity, target=offer.target)
        pointer = self._shelf.pointer(offer.task)
        if trial.failed_too_often(pointer, bundle.digest, self._settings) or bundle.digest in pointer.distrusted:
            raise TriedBefore("this bundle failed here before", bundle=bundle.identity)
        return bundle

    def _fetch_patiently(self, target: str) -> bytes:
        for pause_s in self._settings.retry_s:
            self.pulse.beat(pause_s + UPDATE_S)
            data = self._fetched(target)
            if data is not None:
                return data
            if self._stop.wait(random.uniform(0, pause_s)):
                raise _Stopping
        return self._fetch(target)

    def _fetched(self, target: str) -> bytes | None:
        try:
            return self._fetch(target)
        except Unreachable as error:
            log.warning("updates.fetch.failed", extra={"target": target, "why": str(error)})
            return None

    def _self_test_and_switch(self, offer: Offer, bundle: Cargo) -> None:
        self.pulse.beat(UPDATE_S)
        task = offer.task
        entry = Entry(bundle=bundle.identity, digest=bundle.digest)
        downloaded = self._made(offer.command, task, bundle, "downloaded", "verified by signature and hashes")
        self._change(task, lambda pointer: trial.owing(pointer, downloaded))
        try:
            backend = self._admit(bundle)
        except BedsideError as error:
            raise SelfTestFailed("the bundle did not pass its self-test here", why=str(error)) from error
        try:
            self._shelf.put(task, bundle, reserve_bytes=self._settings.reserve_bytes)
            self._change(task, lambda pointer: trial.on_trial(pointer, entry))
        except BedsideError:
            backend.close()
            raise
        self._switch_to_trial(offer, bundle, backend)

    def _switch_to_trial(self, offer: Offer, bundle: Cargo, backend: Served) -> None:
        with self._lock:
            self._windows.pop((offer.task, bundle.identity), None)
        before = self._running.get(offer.task)
        previous = before.bundle.identity if before is not None else None
        self._running[offer.task] = Taken(bundle, "trial")
        try:
            switched = self._on_switch(offer.task, backend, f"trial of {bundle.identity}")
        except Exception as error:  # the analysis did not take it: the old model must be put back
            log.exception("updates.switch.failed")
            self._back_to_current(offer.task, f"the switch failed: {error!r}")
            return
        report = self._made(
            offer.command, offer.task, bundle, "trial", "passed its self-test", at=switched, previous=previous
        )
        self._change(offer.task, lambda pointer: trial.switched_over(pointer, report))

    def _refuse(self, offer: Offer, bundle: Cargo | None, error: UpdateRefused | UpdateFailed) -> None:
        reason = f"{error.code}: {error}"
        log.warning("updates.model.refused", extra={"target": offer.target, "reason": reason})
        name = bundle.identity if bundle is not None else offer.target.removesuffix(".bundle")
        report = self._made(offer.command, offer.task, name, "refused", reason)
        digest = bundle.digest if bundle is not None and isinstance(error, SelfTestFailed) else None
        self._ended(offer.task)
        try:
            self._shelf.change(offer.task, lambda pointer: trial.refused(pointer, report, digest=digest))
        except UpdateFailed:
            log.exception("updates.shelf.failed")
            self._report(report)  # there is no place to keep it for later, so it is stored now or lost
        self._report_owed(offer.task)

    def _commit(self, task: str, taken: Taken) -> None:
        pointer = self._shelf.pointer(task)
        self._running[task] = Taken(taken.bundle, "current")
        report = self._made(
            _occasion(pointer),
            task,
            taken.bundle,
            "switched",
            f"{self._enough(task)} windows healthy",
            previous=self._name_of(task, pointer.current),
            missed=pointer.missed,
        )
        self._ended(task)
        self._change(task, lambda pointer: trial.committed(pointer, report))

    def _back_to_current(self, task: str, reason: str) -> None:
        """Leave the trial: the state first, then the analysis."""
        pointer, bad = self._shelf.pointer(task), self._running[task].bundle
        report = self._made(_occasion(pointer), task, bad, "rolled-back", reason)
        self._shelf.change(task, lambda pointer: trial.rolled_back(pointer, report))
        self._ended(task)
        backend = self._first_admitted(task)
        switched = self._on_switch(task, backend, f"rolled back from {bad.identity}: {reason}")
        where_it_was = self._made(_occasion(pointer), task, bad, "rolled-back", reason, at=switched)
        self._change(task, lambda pointer: trial.owing(pointer, where_it_was))

    def _first_admitted(self, task: str) -> Served | None:
        try:
            for taken in self._shelf.runnable(task):
                backend = self._admitted(taken)
                if not isinstance(backend, BedsideError):
                    self._running[task] = taken
                    return backend
                log.error("updates.self-test.failed", extra={"bundle": taken.bundle.identity, "why": str(backend)})
        except NothingRunnable as error:
            log.warning("updates.factory.missing", extra={"task": task, "why": str(error)})
        self._running.pop(task, None)
        return None

    def _admitted(self, taken: Taken) -> Served | BedsideError:
        try:
            return self._admit(taken.bundle)
        except BedsideError as error:
            return error

    # ---- at start ------------------------------------------------------------------------------------------------

    def _leave_what_did_not_come_up(self, task: str) -> None:
        pointer = self._shelf.pointer(task)
        if not trial.came_up_badly(pointer, self._settings):
            return
        taken = self._shelf.take(task)
        if taken.place != FACTORY:
            self._pass_over(task, taken, f"did not come up {pointer.starts} times in a row", for_good=True)

    def _pass_over(self, task: str, taken: Taken, reason: str, *, for_good: bool = False) -> None:
        pointer = self._shelf.pointer(task)
        report = self._made(_occasion(pointer, taken), task, taken.bundle, "rolled-back", reason)
        if taken.place == "trial":
            self._note(task, lambda pointer: trial.rolled_back(pointer, report))
        elif for_good:
            self._note(task, lambda pointer: trial.distrusted(pointer, taken.bundle.digest, report))
        else:
            self._note(task, lambda pointer: trial.owing(pointer, report))

    def _drop_lost_trial(self, task: str, taken: Taken) -> None:
        pointer = self._shelf.pointer(task)
        if pointer.trial is not None and taken.place != "trial":
            report = self._made(
                _occasion(pointer), task, pointer.trial.bundle, "rolled-back", "its file on the shelf is damaged"
            )
            self._note(task, lambda pointer: trial.rolled_back(pointer, report))

    def _note(self, task: str, change: Callable[[Pointer], Pointer]) -> None:
        """Change the state at start; a disk that is full must not keep a model from running."""
        try:
            self._shelf.change(task, change)
        except UpdateFailed:
            log.exception("updates.shelf.failed")

    # ---- reports -------------------------------------------------------------------------------------------------

    def _change(self, task: str, change: Callable[[Pointer], Pointer]) -> None:
        self._shelf.change(task, change)
        self._report_owed(task)

    def _report_owed(self, task: str) -> None:
        for report in self._shelf.pointer(task).owed:
            try:
                self._report(report)
            except Exception:  # a report that cannot be stored must not change the model's state
                log.exception("updates.report.failed")
                return
            self._shelf.change(task, lambda pointer, report=report: trial.reported(pointer, report))  # type: ignore[misc]  # bound now

    def _enough(self, task: str) -> int:
        """How many windows without a failure end a trial."""
        return self._shelf.windows(task) or self._settings.windows

    def _ended(self, task: str) -> None:
        with self._lock:
            self._busy.discard(task)

    def _name_of(self, task: str, entry: Entry | None) -> str | None:
        """Name a bundle on the shelf; where there is none, the factory's, if it has one."""
        if entry is not None:
            return entry.bundle
        try:
            return self._shelf.factory(task).identity
        except NothingRunnable:
            return None

    def _made(
        self,
        occasion: str,
        task: str,
        bundle: Cargo | str,
        step: str,
        reason: str,
        *,
        at: Switched | None = None,
        previous: str | None = None,
        missed: int = 0,
    ) -> ModelReport:
        name = bundle if isinstance(bundle, str) else bundle.identity
        running = self._running.get(task)
        is_first = step in ("trial", "switched") and running is not None and running.bundle.identity == name
        if previous is None and running is not None and not is_first:
            previous = running.bundle.identity
        here = at if at is not None else self._where(task)
        return ModelReport(
            id=stable_id(self._device, "model", occasion, name, step),
            task=task,
            bundle=name,
            previous=previous,
            step=step,
            reason=reason,
            rung=here.rung,
            recording=here.recording,
            at=here.at,
            windows_missed=at.windows_missed if at is not None else missed,
        )


def _occasion(pointer: Pointer, taken: Taken | None = None) -> str:
    if pointer.offer is not None:
        return pointer.offer.command
    return taken.bundle.digest if taken is not None else "no command"
