"""Who writes a text: the template, the model alone, tuned, locked by the grammar, or checked after it."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from biosignal.events import Finding
from biosignal.wording.checker import refusal
from biosignal.wording.grammar import gbnf
from biosignal.wording.language import first_text, longest, prompt_of
from export.llm.child import Child, Said

ATTEMPTS = 2
"""Of the daemon: `explain.attempts`."""
FREE_TOKENS = 220
"""At most, where the words are free; the longest texts of the corpus have 190."""


class Writer(str, Enum):
    """What is compared, side by side."""

    TEMPLATE = "template"
    BASE_FREE = "base, free"
    BASE_LOCKED = "base + lock"
    TUNED_FREE = "tuned, free"
    TUNED_CHECKED = "tuned + checker"
    TUNED_LOCKED = "tuned + lock"


class Rung(str, Enum):
    """The rung of the ladder that a text came from."""

    ADAPTER = "adapter"
    MODEL = "model"
    TEMPLATE = "template"


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A text as it would be shown, by whom it is in the end, and what it cost with all attempts."""

    text: str
    by: Rung
    seconds: float = 0.0
    cpu_s: float = 0.0
    asked_tokens: int = 0
    tokens: int = 0
    refused: int = 0


class Desk:
    """Asks every writer about a finding; holds a process for the model and one with the adapter. To be closed.

    Raises
    ------
    ModelLost : the model or its adapter cannot be loaded.
    """

    def __init__(self, model: Path, adapter: Path | None, adapter_sha256: str, *, memory_mb: int) -> None:
        self.base = Child(model, memory_mb=memory_mb)
        self.tuned = None if adapter is None else Child(model, adapter, adapter_sha256, memory_mb=memory_mb)

    def close(self) -> None:
        """End the processes."""
        for child in (self.base, self.tuned):
            if child is not None:
                child.close()

    def texts(self, finding: Finding, seed: int) -> dict[Writer, Written]:
        """Let every writer write once; what refuses its own texts writes again, and is the template in the end.

        A process keeps what it has read of a prompt, so the locked text, as devices ask for it, comes first and costs
        what it costs there; the free ones behind it are spared that reading.

        Raises
        ------
        ModelLost : a process ended.
        """
        texts = {Writer.TEMPLATE: Written(text=first_text(finding), by=Rung.TEMPLATE)}
        locked, free = _locked(self.base, finding, seed), _free(self.base, finding, seed)
        texts[Writer.BASE_FREE] = _written([free], free.text, Rung.MODEL)
        texts[Writer.BASE_LOCKED] = _checked([locked], finding, Rung.MODEL)
        if self.tuned is not None:
            locked, free = _locked(self.tuned, finding, seed), _free(self.tuned, finding, seed)
            texts[Writer.TUNED_FREE] = _written([free], free.text, Rung.ADAPTER)
            tried = [free] if refusal(free.text, finding) is None else [free, _free(self.tuned, finding, seed + 1)]
            texts[Writer.TUNED_CHECKED] = _checked(tried[:ATTEMPTS], finding, Rung.ADAPTER)
            texts[Writer.TUNED_LOCKED] = _checked([locked], finding, Rung.ADAPTER)
        return texts


def _free(child: Child, finding: Finding, seed: int) -> Said:
    return child.ask(prompt_of(finding), grammar="", max_tokens=FREE_TOKENS, seed=seed)


def _locked(child: Child, finding: Finding, seed: int) -> Said:
    return child.ask(prompt_of(finding), grammar=gbnf(finding), max_tokens=longest(finding) // 2, seed=seed)


def _checked(tried: list[Said], finding: Finding, by: Rung) -> Written:
    """Keep the first text that may stand; the template where none may."""
    for said in tried:
        if refusal(said.text, finding) is None:
            return _written(tried, said.text, by, refused=tried.index(said))
    return _written(tried, first_text(finding), Rung.TEMPLATE, refused=len(tried))


def _written(tried: list[Said], text: str, by: Rung, *, refused: int = 0) -> Written:
    return Written(
        text=text,
        by=by,
        seconds=sum(said.seconds for said in tried),
        cpu_s=sum(said.cpu_s for said in tried),
        asked_tokens=sum(said.asked_tokens for said in tried),
        tokens=sum(said.tokens for said in tried),
        refused=refused,
    )
