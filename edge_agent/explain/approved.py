"""Approved words as the daemon takes them up: the self-test of a bundle, and words in force until others are."""

import hashlib
import logging
from collections.abc import Iterable, Iterator

from biosignal.errors import BadInput
from biosignal.events import Durable, Explanation, Finding
from biosignal.model.bundle import unpack
from biosignal.rehearsal import rehearse
from biosignal.wording.bundle import LIMITS, WordsBundle, open_words
from biosignal.wording.checker import refusal
from biosignal.wording.in_force import speak
from edge_agent.explain.adapter_folder import AdapterFolder

log = logging.getLogger(__name__)


class ApprovedWords:
    """Words that passed their self-test here: every phrasing may be said, every golden text is made to the letter.

    Raises
    ------
    PhrasingRefused, NotSpoken : they did not.
    """

    def __init__(self, bundle: WordsBundle) -> None:
        self.bundle = bundle.identity
        self.approved = rehearse(bundle)
        self.adapter = bundle.adapter

    def close(self) -> None:
        """Nothing is held: words go out of force when others, or none, are taken up."""


class WordsInForce:
    """Which approved words texts are written in now; without any, the vetted ones alone.

    An adapter that came with them goes where they go: in force with them, and out.
    """

    def __init__(self, adapters: AdapterFolder) -> None:
        self._words: ApprovedWords | None = None
        self._adapters = adapters
        speak(None)

    def take_up(self, words: ApprovedWords | None, reason: str = "") -> None:
        """Write the next text in these words; None: in the vetted ones alone."""
        self._words = words
        speak(words.approved if words is not None else None)
        self._adapters.take_up(words.adapter if words is not None else None)
        log.info("explain.words.taken", extra={"facts": {"words": words.bundle if words else None, "why": reason}})

    def state(self) -> str:
        """Name the words in force, for behind what writes the texts; nothing where they are the vetted ones alone."""
        return "" if self._words is None else f"; in the approved words {self._words.bundle}"

    def heard(self, events: Iterable[Durable]) -> Iterator[tuple[str, bool]]:
        """For each text written in approved words: the bundle, and whether the text may stand."""
        words = self._words
        if words is None:
            return
        held = tuple(events)
        findings = {(one.id, one.rev): one for one in held if isinstance(one, Finding)}
        for text in held:
            if isinstance(text, Explanation) and (about := findings.get((text.finding, text.finding_rev))) is not None:
                bundle = written_in(text) or (words.bundle if _is_unmade(text) else None)
                if bundle is not None:
                    yield bundle, _stands(about, text)

    def brought(self, adapter_sha256: str) -> str | None:
        """Name the bundle in force that brought an adapter; None where it came from elsewhere."""
        words = self._words
        if words is None or words.adapter is None:
            return None
        return words.bundle if hashlib.sha256(words.adapter).hexdigest() == adapter_sha256 else None

    def close(self) -> None:
        """Put no approved words in force; the file of an adapter stays for the next start."""
        self._words = None
        speak(None)


def opened(data: bytes) -> WordsBundle:
    """Open the bytes of a bundle of words.

    Raises
    ------
    BadInput, WordsRefused : it is none.
    """
    return open_words(unpack(data, max_bytes=sum(LIMITS.values()), limits=LIMITS))


def written_in(explanation: Explanation) -> str | None:
    """Name the bundle of approved words that a text was written in; None where in none."""
    named = (part.split("/") for part in explanation.checked.replace(",", " ").split())
    return next((f"{part[0]}/{part[1]}" for part in named if len(part) == 3), None)


def _is_unmade(explanation: Explanation) -> bool:
    return explanation.checked.startswith("unchecked")


def _stands(finding: Finding, explanation: Explanation) -> bool:
    """Whether it was made whole, and the second alarm finds nothing in it."""
    try:
        return not _is_unmade(explanation) and refusal(explanation.text, finding) is None
    except (BadInput, LookupError, ValueError):
        return False
