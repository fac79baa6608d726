"""The explanation that always exists: made at once, from the evidence and the vetted sentences alone."""

from biosignal.events import Explanation, Finding, stable_id
from edge_agent.explain.knowledge import knowledge
from edge_agent.explain.language import LANGUAGE, first_text


def explain(finding: Finding) -> Explanation:
    """Explain a finding. Pure: the same finding gives the same text, byte for byte.

    Raises
    ------
    KnowledgeBroken : the packaged sentences are damaged.
    """
    return Explanation(
        id=explanation_id(finding),
        rev=0,
        finding=finding.id,
        finding_rev=finding.rev,
        text=first_text(finding),
        made_by="template",
        model_sha256=None,
        checked=checked_against(),
    )


def explanation_id(finding: Finding) -> str:
    """Name the explanation of one revision of a finding."""
    return stable_id("explanation", finding.id, finding.rev)


def checked_against() -> str:
    """Name what a text was checked against: the language and the vetted sentences."""
    return f"{LANGUAGE} knowledge/{knowledge().sha256[:12]}"
