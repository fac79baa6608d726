"""The explanation that always exists: made at once, from the evidence and the vetted sentences alone."""

import logging

from biosignal.events import Explanation, Finding, stable_id
from biosignal.tasks.lookup import finding_kind
from biosignal.wording.in_force import spoken
from biosignal.wording.knowledge import Knowledge
from biosignal.wording.language import LANGUAGE, first_text
from biosignal.wording.literals import missing_words
from biosignal.wording.plain import plain

log = logging.getLogger(__name__)


def explain(finding: Finding) -> Explanation:
    """Explain a finding: the same finding gives the same text, byte for byte, while the tasks stay the same.

    Never raises: where words are missing the text has the label and the numbers, and `checked` says so.
    """
    try:
        known = spoken()
        text, checked = first_text(finding, known), checked_against(finding, known)
    except Exception:  # the border of an alarm: whatever is wrong with a text, the finding goes on with its label
        log.exception("explain.text.failed", extra={"facts": {"kind": finding.kind}})
        text, checked = _label_alone(finding), "unchecked: the text could not be made"
    return Explanation(
        id=explanation_id(finding),
        rev=0,
        finding=finding.id,
        finding_rev=finding.rev,
        text=text,
        made_by="template",
        model_sha256=None,
        checked=checked,
    )


def explanation_id(finding: Finding) -> str:
    """Name the explanation of one revision of a finding."""
    return stable_id("explanation", finding.id, finding.rev)


def checked_against(finding: Finding, known: Knowledge | None = None) -> str:
    """Name what a text was checked against: the language, the vetted sentences, approved words; and what has none."""
    known = known or spoken()
    missing = missing_words(finding, known)
    against = f"{LANGUAGE} knowledge/{known.sha256[:12]}{f' {known.approved}' if known.approved else ''}"
    return against if missing is None else f"{against}, no vetted words for {missing}"


def _label_alone(finding: Finding) -> str:
    return f"The device found {plain(finding_kind(finding.kind).label, otherwise='something')}."
