"""Whether a bundle of approved words may be spoken here: each phrasing is checked anew, and its texts are made.

The clinic asks this before a bundle is signed, and every device before it speaks it, each by the vetted words that it
has itself. A phrasing of a kind that this version does not declare is left out: nobody will say it.
"""

from collections.abc import Iterable, Iterator

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import Finding
from biosignal.wire.codec import from_json, to_json
from biosignal.wording.bundle import Golden, WordsBundle
from biosignal.wording.checker import refusal
from biosignal.wording.in_force import Approved, with_approved
from biosignal.wording.knowledge import Knowledge, knowledge
from biosignal.wording.language import first_text, plans
from biosignal.wording.phrasing import VALUE, check_phrasing


class NotSpoken(RefusedForSafety):
    """A bundle of words does not make the texts here that it made at the clinic, or makes one that may not stand."""

    remedy = "the words in use stay; update the program where it is older than the words, or release corrected words"


def rehearse(bundle: WordsBundle) -> Approved:
    """Check every phrasing and make every golden text; give what may be put in force.

    Raises
    ------
    PhrasingRefused : a phrasing may not be said by the vetted words here. NotSpoken : a golden text is another here.
    """
    vetted = knowledge()
    for one in bundle.phrasings:
        if one.kind in vetted.kinds:
            check_phrasing(one, vetted)
    known = with_approved(vetted, bundle.approved)
    for golden in bundle.golden:
        finding = finding_of(golden)
        if finding.kind in vetted.kinds and first_text(finding, known) != golden.text:
            raise NotSpoken("a text is another here than at the clinic", bundle=bundle.identity, kind=finding.kind)
    return bundle.approved


def golden_of(findings: Iterable[Finding], approved: Approved) -> tuple[Golden, ...]:
    """Make the golden texts of findings in approved words."""
    known = with_approved(knowledge(), approved)
    return tuple(Golden(finding=to_json(finding), text=first_text(finding, known)) for finding in findings)


def finding_of(golden: Golden) -> Finding:
    """Read the finding of a golden text.

    Raises
    ------
    NotSpoken : it is none.
    """
    try:
        return from_json(Finding, dict(golden.finding))
    except BadInput as error:
        raise NotSpoken("a golden finding cannot be read", why=str(error)) from error


def unspeakable(finding: Finding, approved: Approved) -> str | None:
    """Say why a finding cannot be said in approved words; None where every text of its first word order may stand.

    Every alternative of every part is said once, so that each approved phrasing is among them.
    """
    known = with_approved(knowledge(), approved)
    return next((why for text in _each_alternative(finding, known) if (why := refusal(text, finding, known))), None)


def _each_alternative(finding: Finding, known: Knowledge) -> Iterator[str]:
    slots = plans(finding, known)[0]
    first = [alternatives[0] for alternatives in slots]
    yield "".join(first)
    for index, alternatives in enumerate(slots):
        for other in alternatives[1:]:
            yield "".join([*first[:index], other, *first[index + 1 :]])


def says(finding: Finding, approved: Approved) -> bool:
    """Whether the first text of a finding has an approved phrasing in it: its value said, its part not left out."""
    text = first_text(finding, with_approved(knowledge(), approved))
    return any(_pieces_stand(one.pattern, text) for one in approved.phrasings if one.kind == finding.kind)


def _pieces_stand(pattern: str, text: str) -> bool:
    return all(piece in text for piece in pattern.split(VALUE))
