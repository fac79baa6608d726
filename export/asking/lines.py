"""The figures of questions, written for people."""

from collections.abc import Iterator
from typing import Any


def asking_lines(figures: dict[str, Any]) -> list[str]:
    """Write what `evaluate_asking` gives, a line each."""
    return [*_refused(figures), *_answered(figures), *_found(figures), _sum(figures)]


def _refused(figures: dict[str, Any]) -> Iterator[str]:
    for name, one in (*figures["adversarial"].items(), *figures.get("foreign", {}).items()):
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(one["reasons"].items()))
        yield f"{name}: {one['questions']} asked, {len(one['answered'])} answered {one['answered'] or ''}; {reasons}"
    fields = figures["in_fields"]
    said = fields["answers with the text"]
    yield f"texts in free fields: {fields['texts']}, in {said} of {fields['answers']} answers"


def _answered(figures: dict[str, Any]) -> Iterator[str]:
    for part, one in figures["ordinary"].items():
        yield f"ordinary, {part}: {one['answered']} of {one['questions']} answered; not {one['missed']}"


def _found(figures: dict[str, Any]) -> Iterator[str]:
    for name, one in figures.get("retrieval", {}).items():
        shown = ", ".join(f"{figure} {one[figure]}" for figure in ("hit@1", "hit@3", "mrr@10"))
        yield f"MedQuAD, {name}: {one['questions']} questions, {one['answers']} answers, {shown}"


def _sum(figures: dict[str, Any]) -> str:
    return f"{figures['sentences']} sentences given, {figures['unsupported']} unsupported; p95 {figures['p95_ms']} ms"
