"""The models of all tasks: each serves by itself, and what is wrong with one leaves the others and the rules alone."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, BedsideError
from biosignal.events import Rung
from biosignal.model.backend import Backend
from biosignal.model.bundle import Bundle
from biosignal.model.model import Model
from biosignal.tasks import lookup
from edge_agent.inference.bundle_folder import find_bundle, load_bundle, models_dir
from edge_agent.inference.ladder import LadderBackend, LadderState, climb
from edge_agent.inference.settings import InferenceSettings
from edge_agent.inference.trt_plans import PlanHost
from edge_agent.pulse import Pulse

log = logging.getLogger(__name__)

OnWindow = Callable[[str, Rung, float], None]
OnRung = Callable[[str, Rung, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What answers for a task: bundle, rung, and why this rung; without a bundle, why there is none."""

    task: str
    bundle: str | None
    rung: Rung
    reason: str


class ServedBackend:
    """A bundle on the ladder, each of whose windows is timed: `on_window` is given task, rung and seconds."""

    def __init__(self, task: str, ladder: LadderBackend, on_window: OnWindow) -> None:
        self.task = task
        self._ladder = ladder
        self._on_window = on_window

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""
        return self._ladder.bundle

    @property
    def rung(self) -> Rung:
        """Which rung of the ladder gave the last answer."""
        return self._ladder.rung

    @property
    def reason(self) -> str:
        """Why it serves on this rung."""
        return self._ladder.reason

    def state(self) -> LadderState:
        """State of its ladder."""
        return self._ladder.state()

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Run once, and pass on how long it took.

        Raises
        ------
        BackendFailed : this window has no answer.
        """
        began_s = time.perf_counter()
        outputs = self._ladder.infer(inputs)
        self._on_window(self.task, self._ladder.rung, time.perf_counter() - began_s)
        return outputs

    def close(self) -> None:
        """Give back what the ladder holds."""
        self._ladder.close()


class Models(Mapping[str, Model]):
    """The model of each task that uses one, by the task's name, as a pipeline is given them.

    A task that is declared later has one as well, without a backend until it is opened.

    Parameters
    ----------
    cache_dir : where TensorRT's plans are kept if the settings name no folder.
    on_window : given task, rung and seconds after each answered window, on the thread that asked.
    on_rung : given task, rung and reason when a task changes its rung, on the thread that asks for windows.
    """

    def __init__(
        self,
        settings: InferenceSettings,
        *,
        cache_dir: Path | None = None,
        on_window: OnWindow = lambda _task, _rung, _seconds: None,
        on_rung: OnRung = lambda _task, _rung, _reason: None,
    ) -> None:
        if settings.tensorrt.cache_dir is None:
            settings = replace(settings, tensorrt=replace(settings.tensorrt, cache_dir=cache_dir))
        self._settings = settings
        self._on_window = on_window
        self._on_rung = on_rung
        self._host = PlanHost(settings.tensorrt)
        self._models: dict[str, Model] = {}

    def __getitem__(self, task: str) -> Model:
        """The model of a task.

        Raises
        ------
        KeyError : no such task, or it uses no model.
        """
        contract = lookup.models()[task].model
        assert contract is not None, "only tasks with a contract are listed"
        return self._models.setdefault(task, Model(task, contract, None, f"no model of {task} was opened"))

    def __iter__(self) -> Iterator[str]:
        return iter(lookup.models())

    def __len__(self) -> int:
        return len(lookup.models())

    def released(self, task: str) -> Path | None:
        """Folder of a task's released bundle: of the version that the settings name, else the newest.

        Raises
        ------
        BadInput : the version that the settings name is not there.
        """
        return find_bundle(task, folder=self._settings.models_dir, version=self._settings.versions.get(task))

    def serve(self, bundle: Bundle) -> ServedBackend:
        """Put a bundle on the best rung that reproduces its golden vectors here; what serves now is not touched.

        Raises
        ------
        ContractBroken : it is not what its task needs.
        NotAdmitted : no rung may serve it.
        """
        task = bundle.manifest.task

        def changed(rung: Rung, reason: str) -> None:
            self._on_rung(task, rung, reason)

        return ServedBackend(task, climb(bundle, self._settings, self._host, on_change=changed), self._on_window)

    def open(self, opening: Callable[[str], Backend] | None = None) -> None:
        """Put a model into service for each task that uses one; whatever fails leaves that task without, and says why.

        Parameters
        ----------
        opening : gives the backend of a task; None: the released bundle's.
        """
        for task in self:
            self.open_task(task, opening or self._open_released)

    def open_task(self, task: str, opening: Callable[[str], Backend]) -> None:
        """Put a model into service for one task, as `open` does."""
        try:
            self.switch(task, opening(task))
        except BedsideError as error:
            log.exception("inference.open.failed", extra={"facts": {"task": task}})
            self.switch(task, None, str(error))
        except Exception as error:  # border: one model must not keep the others, nor the rules, from starting
            log.exception("inference.open.failed", extra={"facts": {"task": task}})
            self.switch(task, None, f"the model failed to open: {type(error).__name__}: {error}")

    def switch(self, task: str, backend: Backend | None, reason: str = "") -> None:
        """Answer with another backend from the next window on, then close the one before.

        While an analysis is running this belongs on the thread that asks for windows.
        """
        model = self[task]
        before = model.backend
        model.switch(backend, reason)
        if before is not None and before is not backend:
            before.close()

    @property
    def pulse(self) -> Pulse:
        """The pulse of the TensorRT process."""
        return self._host.pulse

    def status(self) -> tuple[Served, ...]:
        """What answers for each task now; waits for nobody."""
        return tuple(_served(self[task]) for task in self)

    def close(self) -> None:
        """Give back every model and end the TensorRT process; safe to call twice."""
        for model in self._models.values():
            before = model.backend
            model.switch(None, "the model was closed")
            if before is not None:
                before.close()
        self._host.close()

    def _open_released(self, task: str) -> ServedBackend:
        folder = self.released(task)
        if folder is None:
            where = models_dir(self._settings.models_dir)
            raise BadInput(
                "there is no released bundle", task=task, folder=str(where), remedy="set inference.models_dir"
            )
        return self.serve(load_bundle(folder, task=task))


def _served(model: Model) -> Served:
    backend = model.backend
    if backend is None:
        return Served(task=model.task, bundle=None, rung=Rung.RULES, reason=model.reason)
    reason = backend.reason if isinstance(backend, ServedBackend) else model.reason
    return Served(task=model.task, bundle=backend.bundle, rung=backend.rung, reason=reason)
