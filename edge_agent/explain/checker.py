"""Whether a text may stand: membership decides, a rule audit is the second alarm.

The audit alone would not do: it cannot see every negation or added sentence. It is kept because it reads the evidence
by other code, so a mistake in the language's phrases can show.
"""

import re

from biosignal.events import Finding
from biosignal.tasks.findings import shown
from edge_agent.explain.knowledge import knowledge
from edge_agent.explain.language import is_member
from edge_agent.explain.literals import is_assessable

_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_CAUSES = re.compile(
    r"\b(because|due to|caused?|likely|probably|suggests?|indicates?|diagnos\w+|no sign|never|did not|stable)\b",
    re.IGNORECASE,
)


def refusal(text: str, finding: Finding) -> str | None:
    """Say why `text` may not stand for `finding`; None where it may."""
    if not is_member(text, finding):
        return "not in the language of this finding"
    return audit(text, finding)


def audit(text: str, finding: Finding) -> str | None:
    """Look for a missing fact or a word of cause, straight from the evidence; None where nothing is wrong."""
    entry = knowledge().classes[finding.kind]
    present = _NUMBER.findall(text)
    minutes, seconds = divmod(int(finding.onset / finding.evidence.fs_hz), 60)
    for number in (f"{minutes:02d}:{seconds:02d}", *(shown(measure) for measure in finding.evidence.measures)):
        if number not in present:
            return f"the number {number} is missing"
    if not any(label in text for label in entry.labels):
        return "the finding is not named"
    action = entry.actions[0] if is_assessable(finding) else knowledge().not_assessable_action
    if action not in text:
        return "the action is missing"
    word = _CAUSES.search(_without_vetted(text, finding))
    return None if word is None else f"a word of cause or denial: {word.group(0)}"


def _without_vetted(text: str, finding: Finding) -> str:
    known = knowledge()
    entry = known.classes[finding.kind]
    vetted = (*entry.meanings, *known.not_assessable, *known.degraded, *entry.actions, *entry.labels)
    wordings = [part for m in finding.evidence.measures for part in known.wordings(finding.kind, m.name)]
    for sentence in (*vetted, *(part for wording in wordings for part in wording.split("{value}"))):
        text = text.replace(sentence, " ") if sentence.strip(" .") else text
    # The last sentence quotes what the analysis said about itself.
    return re.split(r"The analysis abstained|Reported by the device", text)[0]
