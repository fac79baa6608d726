"""What bundles serve: models behind the tasks, approved words behind the texts; at the start, and when others come."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import cast

from biosignal.events import Durable, Explanation, ModelReport, Rung
from biosignal.model.backend import Backend
from biosignal.model.bundle import Bundle
from biosignal.wording.bundle import WORDS, WordsBundle
from edge_agent.analysis.actor import AnalysisActor
from edge_agent.explain.adapter_folder import AdapterFolder
from edge_agent.explain.approved import ApprovedWords, WordsInForce
from edge_agent.explain.approved import opened as opened_words
from edge_agent.explain.explainer import Explainer
from edge_agent.inference.models import Models
from edge_agent.operate.settings import Settings
from edge_agent.updates.cargo import Cargo, Line, Served
from edge_agent.updates.fetching import fetch_by
from edge_agent.updates.shelf import BundleShelf, NothingRunnable
from edge_agent.updates.updater import Switched, Updater

log = logging.getLogger(__name__)


class Serving:
    """The models, the writer of texts, the words it writes in, and their updates; closed with what is `opened`.

    Parameters
    ----------
    on_window : called with each window that was answered: task, rung, seconds.
    on_text : called with each text of the language model.
    report : stores what became of a bundle.
    """

    def __init__(
        self,
        settings: Settings,
        opened: ExitStack,
        *,
        on_window: Callable[[str, Rung, float], None],
        on_text: Callable[[Explanation], None],
        report: Callable[[ModelReport], None],
    ) -> None:
        state, trial = settings.device.state_dir, settings.updates.trial
        self.analysis: AnalysisActor | None = None
        """Who asks the models; none before anything is recorded."""
        self.models = Models(
            settings.inference, cache_dir=state / "engines", on_window=on_window, on_rung=_rung_changed
        )
        opened.callback(self.models.close)
        self.explainer = Explainer(settings.explain, on_text, on_adapter_lost=self._adapter_lost)
        opened.callback(self.explainer.close)
        self.words = WordsInForce(AdapterFolder(state / "words", self.explainer.lay_over))
        opened.callback(self.words.close)
        lines = {WORDS: Line(opened=opened_words, windows=trial.texts)}
        self.updates = Updater(
            trial,
            BundleShelf(state / "models", self.models.released, lines=lines),
            device=settings.device.name,
            fetch=fetch_by(settings.updates, state / "updates"),
            admit=self._admit,
            on_switch=self._switch,
            where=self._where,
            report=report,
        )
        self.models.open(lambda task: cast(Backend, self.updates.open_backend(task)))
        self._open_words()

    def heard(self, events: tuple[Durable, ...]) -> None:
        """Count the texts among stored events in the trial of the words they are written in."""
        for bundle, stands in self.words.heard(events):
            self.updates.window(WORDS, bundle, stands)

    def _adapter_lost(self, sha256: str) -> None:
        if (bundle := self.words.brought(sha256)) is not None:
            self.updates.window(WORDS, bundle, False)

    def _admit(self, bundle: Cargo) -> Served:
        if isinstance(bundle, WordsBundle):
            return ApprovedWords(bundle)
        assert isinstance(bundle, Bundle)
        return self.models.serve(bundle)

    def _open_words(self) -> None:
        """Write texts in the approved words on the shelf; whatever is wrong with them, in the vetted ones."""
        try:
            self.words.take_up(cast(ApprovedWords, self.updates.open_backend(WORDS)), "at start")
        except NothingRunnable:
            log.info("explain.words.vetted-alone")
        except Exception:  # border: words must not keep the daemon from starting
            log.exception("explain.words.open.failed")

    def _switch(self, task: str, served: Served | None, reason: str) -> Switched:
        if task == WORDS:
            self.words.take_up(cast(ApprovedWords | None, served), reason)
            return self._where(task)
        assert self.analysis is not None, "nothing switches before it is started"
        backend = cast(Backend | None, served)
        before = self.models[task].backend
        answered = self.analysis.switch(task, backend, reason)
        if before is not None and before is not backend:
            before.close()
        return replace(self._where(task), at=answered.at, windows_missed=answered.missed)

    def _where(self, task: str) -> Switched:
        rung = next((one.rung for one in self.models.status() if one.task == task), Rung.RULES)
        if self.analysis is None:  # what is passed over at start is reported before anything is recorded
            return Switched(recording=None, at=0, rung=rung)
        now = self.analysis.now
        return Switched(recording=now.recording, at=now.sample, rung=rung)


def _rung_changed(task: str, rung: Rung, reason: str) -> None:
    # On the thread of the analysis: `Agent.tend` raises the finding.
    log.warning("inference.rung.changed", extra={"facts": {"task": task, "rung": rung, "why": reason}})
