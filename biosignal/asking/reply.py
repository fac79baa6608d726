"""What a question is answered with: sentences that somebody vetted, facts that were measured; or why there is none."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from biosignal.wording.vetted import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Quoted:
    """A vetted sentence, word for word, and where it comes from."""

    text: str
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """What a finding's evidence says, in the wording of its task.

    Parameters
    ----------
    text : the sentence.
    finding : id of the finding it was measured for.
    start, end : the samples to look at, counted at `fs_hz`.
    name, value, unit : the measure, as its task declares it; None where the fact is no number.
    """

    text: str
    finding: str
    start: int
    end: int
    fs_hz: float
    name: str | None = None
    value: float | None = None
    unit: str | None = None


Part: TypeAlias = Quoted | Fact


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Parts in the order they are read.

    `template` names what was asked and `subject` of what; `in_general` says that nothing of it is about a finding.
    `left_out` counts measured numbers that this version has no words for.
    """

    template: str
    subject: str
    in_general: bool
    parts: tuple[Part, ...]
    left_out: int = 0


class Reason(str, Enum):
    """Why a question is not answered."""

    EMPTY = "empty"
    INSTRUCTION = "instruction"
    OTHER_PATIENT = "other-patient"
    DOSE = "dose"
    PROGNOSIS = "prognosis"
    OUTSIDE = "outside"
    NEEDS_FINDING = "needs-finding"
    NOT_MEASURED = "not-measured"
    NOTHING_BEFORE = "nothing-before"
    UNCHECKED = "unchecked"


WHY: dict[Reason, str] = {
    Reason.EMPTY: "There is no question in this.",
    Reason.INSTRUCTION: "This is an instruction or holds code; only questions are answered here.",
    Reason.OTHER_PATIENT: "Questions about other patients, beds or people are not answered here.",
    Reason.DOSE: "Questions about drugs, doses and other treatment are for a physician.",
    Reason.PROGNOSIS: "Questions about a diagnosis or how it will go on are for a physician.",
    Reason.OUTSIDE: "There is no vetted sentence about this.",
    Reason.NEEDS_FINDING: "This asks about a finding, and none was named.",
    Reason.NOT_MEASURED: "This was not measured for this finding.",
    Reason.NOTHING_BEFORE: "There is no earlier finding of this kind in this recording.",
    Reason.UNCHECKED: "An answer was made that holds a sentence nobody vetted, so it is not shown.",
}
"""The sentence that says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """No answer: why not, and questions that can be answered."""

    reason: Reason
    can: tuple[str, ...]

    @property
    def text(self) -> str:
        """The reason as a sentence."""
        return WHY[self.reason]


Reply: TypeAlias = Answer | Refusal
