"""Whether a text may stand: membership decides, a rule audit is the second alarm.

The audit alone would not do: it cannot see every negation or added sentence. It is kept because it reads the evidence
by other code, so a mistake in the language's phrases can show.
"""

import re

from biosignal.events import Finding
from biosignal.tasks.lookup import shown
from biosignal.wording.in_force import spoken
from biosignal.wording.knowledge import Knowledge
from biosignal.wording.language import is_member
from biosignal.wording.literals import is_assessable

_BUNDLE = re.compile(r"[A-Za-z][\w-]*/\d+(?:\.\d+)*")
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_CAUSES = re.compile(
    r"\b(because|due to|caused?|likely|probably|suggests?|indicates?|diagnos\w+|no sign|never|did not|stable)\b",
    re.IGNORECASE,
)


def refusal(text: str, finding: Finding, known: Knowledge | None = None) -> str | None:
    """Say why `text` may not stand for `finding`, in the words of `known` or those in force; None where it may."""
    known = known or spoken()
    if not is_member(text, finding, known):
        return "not in the language of this finding"
    return audit(text, finding, known)


def audit(text: str, finding: Finding, known: Knowledge | None = None) -> str | None:
    """Look for a missing fact or a word of cause, straight from the evidence; None where nothing is wrong."""
    known = known or spoken()
    words = known.of_kind(finding.kind)
    present = _NUMBER.findall(text)
    minutes, seconds = divmod(int(finding.onset / finding.evidence.fs_hz), 60)
    for number in (f"{minutes:02d}:{seconds:02d}", *(shown(measure) for measure in finding.evidence.measures)):
        if number not in present:
            return f"the number {number} is missing"
    for marks in finding.evidence.marks:
        if marks.total > len(marks.starts) and f"{len(marks.starts)} of {marks.total} " not in text:
            return f"it is missing that {marks.total - len(marks.starts)} marks are not kept"
    if not any(label in text for label in words.labels):
        return "the finding is not named"
    actions = words.first_action if is_assessable(finding) else (known.common.not_assessable_action,)
    if actions and not any(action in text for action in actions):
        return "the action is missing"
    word = _CAUSES.search(_without_vetted(text, finding, known))
    return None if word is None else f"a word of cause or denial: {word.group(0)}"


def _without_vetted(text: str, finding: Finding, known: Knowledge) -> str:
    words = known.of_kind(finding.kind)
    vetted = (
        *words.meanings,
        *known.common.not_assessable,
        *known.common.degraded,
        *words.actions,
        *words.action_wordings,
        *words.labels,
    )
    wordings = [part for m in finding.evidence.measures for part in known.wordings(finding.task, finding.kind, m)]
    for sentence in (*vetted, *(part for wording in wordings for part in wording.split("{value}"))):
        text = text.replace(sentence, " ") if sentence.strip(" .") else text
    # A bundle may be called after what it does; its name claims nothing.
    text = _BUNDLE.sub(" ", text)
    # The last sentence quotes what the analysis said about itself.
    return re.split(r"The analysis abstained|Reported by the device", text)[0]
