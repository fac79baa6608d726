"""What can be asked, by name: the question as it is offered, and the words by which it is known."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A kind of question.

    Parameters
    ----------
    name : as the API and the command line say it.
    question : as it is offered to people.
    cue : the words by which a question is known to be of this kind.
    words : what such a question may hold besides, without saying what it is about.
    general : whether it can be asked without a finding.
    """

    name: str
    question: str
    cue: re.Pattern[str]
    words: str
    general: bool = False


COMPARE = Template(
    name="compare",
    question="Compare with the last one.",
    cue=re.compile(
        r"\bcompar|\bdifferen|\bchang|\bthan\b|\bprevious|\bearlier|\blast (?:one|time|finding)"
        r"|\bone before\b|\btime before\b"
    ),
    words="compare different difference change earlier previous last time finding longer shorter faster slower long",
)
NEXT_STEPS = Template(
    name="next-steps",
    question="What are the next steps?",
    cue=re.compile(
        r"\bnext\b|\bsteps?\b|\bshould (?:i|we|be|one)\b|\b(?:to|be) (?:do|done|check)|\bactions?\b"
        r"|\bmust\b|\bhas to\b|\bhave to\b|\bdo (?:now|about|with|when)\b"
    ),
    words="next step action check checked done must look recommended handle",
    general=True,
)
WHEN = Template(
    name="when",
    question="When was it?",
    cue=re.compile(r"\bwhen (?:did|was|is|has)\b|\bwhat time\b|\bstill\b|\bis it over\b|\bbeg[aiu]n|\bstart|\bended\b"),
    words="time begin began start started end ended over still going begun happen happened occur finding",
)
HOW_MADE = Template(
    name="how-made",
    question="How was it found, and how sure is that?",
    cue=re.compile(
        r"\bwho says\b|\bwho found|\b(?:which|what) (?:model|rule|analysis|found|produced|made)|\bmodel\b|\bsure\b"
        r"|\bcertain\b|\bsignal (?:good|bad|quality)|\bquality\b|\bsignal\b|\btrust|\bhow (?:was|is) (?:it|this) found"
    ),
    words="found find model produced produce made sure certain signal good bad quality trust result rule analysis",
)
MEASURED = Template(
    name="measured",
    question="What was measured?",
    cue=re.compile(
        r"\bmeasur|\bnumbers?\b|\bvalues?\b|\bfigures?\b|\bhow (?:many|fast|slow|long|high|low|often|much|large)\b"
    ),
    words="measure measured measurement number value figure many fast slow long high low often much beat last lasted",
)
EXPLAIN = Template(
    name="explain",
    question="What does this mean?",
    cue=re.compile(r""),
    words="finding result shown alarm what meaning word",
    general=True,
)
TEMPLATES = {one.name: one for one in (EXPLAIN, MEASURED, WHEN, NEXT_STEPS, COMPARE, HOW_MADE)}
"""By name, in the order in which they are offered."""
_LOOKED_FOR = (COMPARE, NEXT_STEPS, WHEN, HOW_MADE, MEASURED, EXPLAIN)
"""In the order in which their cues are looked for; the last one is what a question is taken for."""


_IS_IT = re.compile(r"^(?:is|was|are|were|could|can|might|does|did) (?:this|it|that|these|those|the finding)\b")


def is_yes_or_no(text: str) -> bool:
    """Whether a plain question asks if something is so."""
    return _IS_IT.search(text) is not None


def template_of(text: str) -> Template:
    """Say of which kind a question is; `text` is plain (`plain_text`)."""
    return next(one for one in _LOOKED_FOR if one.cue.search(text))
