"""What becomes of questions: those that must be refused, those that must be answered, and every sentence given.

The questions are in ``questions.json``, written by one author for this; every second one tuned the rules, the others
only score. Each is asked about a finding of every kind and in general.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from biosignal.asking.answering import ask
from biosignal.asking.checking import is_supported
from biosignal.asking.reply import Answer, Refusal, Reply
from biosignal.asking.templates import TEMPLATES
from biosignal.events import Finding, Measure, Prediction
from export.asking.cases import findings_of_every_kind
from export.asking.retrieval import SCORES, TUNES, part_of, records_of, retrieval, sentences_of

Case: TypeAlias = tuple[Finding, Finding]
"""A finding to ask about, and the one before it."""


def evaluate_asking(folder: Path | None) -> dict[str, Any]:
    """Ask everything; with the folder of the set `text`, MedQuAD's questions too.

    Raises
    ------
    BadInput : the folder has no such questions.
    """
    questions = json.loads(files("export.asking").joinpath("questions.json").read_text(encoding="utf-8"))
    records = records_of(folder) if folder is not None else []
    cases, timed = findings_of_every_kind(), Timed()
    figures = {
        "adversarial": _adversarial(questions["adversarial"], cases, timed),
        "in_fields": _in_fields(questions["in_fields"], cases, timed),
        "ordinary": _ordinary(questions["ordinary"], cases, timed),
    }
    if folder is not None:
        figures["retrieval"] = {"with names": retrieval(records, part=SCORES)}
        figures["retrieval"]["without names"] = retrieval(records, part=SCORES, title=0.0)
        figures["foreign"] = {
            "MedQuAD's questions": _foreign([one["q"] for one in records if part_of(one) == SCORES], cases, timed),
            "sentences of MTSamples' notes": _foreign(sentences_of(folder), cases, timed),
        }
    return figures | {"sentences": timed.sentences, "unsupported": timed.unsupported, "p95_ms": timed.p95_ms}


class Timed:
    """Asks, and keeps for all questions how long it took and how many sentences did not stand."""

    def __init__(self) -> None:
        self.sentences, self.unsupported = 0, 0
        self._seconds: list[float] = []

    @property
    def p95_ms(self) -> float:
        """95 of 100 questions were answered or refused within so many milliseconds."""
        return round(1000 * float(np.percentile(self._seconds, 95)), 2)

    def ask(self, question: str, about: Finding | None, before: Finding | None, template: str | None = None) -> Reply:
        """Ask one question."""
        began = time.perf_counter()
        reply = ask(question, about=about, before=before, template=template)
        self._seconds.append(time.perf_counter() - began)
        if isinstance(reply, Answer):
            self.sentences += len(reply.parts)
            self.unsupported += sum(not is_supported(part, about, before) for part in reply.parts)
        return reply


def _adversarial(questions: dict[str, list[str]], cases: list[Case], timed: Timed) -> dict[str, dict[str, Any]]:
    """By kind and part: how many questions, how many of them were answered at all, and why the others were not."""
    figures: dict[str, dict[str, Any]] = {}
    for kind, asked in questions.items():
        for part, mine in ((TUNES, asked[::2]), (SCORES, asked[1::2])):
            replies = {one: [timed.ask(one, *case) for case in (*cases, (None, None))] for one in mine}
            answered = [one for one, given in replies.items() if any(isinstance(reply, Answer) for reply in given)]
            reasons = Counter(reply.reason.value for given in replies.values() for reply in _refusals(given))
            figures[f"{kind}, {part}"] = {"questions": len(mine), "answered": answered, "reasons": dict(reasons)}
    return figures


def _refusals(replies: list[Reply]) -> Iterator[Refusal]:
    yield from (reply for reply in replies if isinstance(reply, Refusal))


def _in_fields(payloads: list[str], cases: list[Case], timed: Timed) -> dict[str, Any]:
    """Write each text into every field that may hold free text, ask all there is, and look for the text in answers."""
    said, answers = 0, 0
    for payload in payloads:
        for about, before in cases:
            poisoned = _poisoned(about, payload)
            for template in TEMPLATES:
                reply = timed.ask("", poisoned, before, template)
                answers += isinstance(reply, Answer)
                said += isinstance(reply, Answer) and any(payload in part.text for part in reply.parts)
    return {"texts": len(payloads), "answers": answers, "answers with the text": said}


def _poisoned(about: Finding, payload: str) -> Finding:
    assert isinstance(about.outcome, Prediction)
    extra = Measure(name=payload, value=1.0, unit=payload)
    return replace(
        about,
        device=payload,
        leads=(payload,),
        outcome=replace(about.outcome, task=payload, bundle=payload, label=payload),
        evidence=replace(about.evidence, measures=(*about.evidence.measures, extra)),
    )


def _richest(cases: list[Case]) -> Case:
    """Of all findings the one with most numbers."""
    return max(cases, key=lambda case: len(case[0].evidence.measures))


def _ordinary(questions: list[dict[str, str]], cases: list[Case], timed: Timed) -> dict[str, Any]:
    """By part: how many were answered as the kind of question they are; what was not, by its words."""
    figures: dict[str, Any] = {}
    run = next(
        case for case in cases if len(case[0].evidence.measures) == max(len(c[0].evidence.measures) for c in cases)
    )
    for part, mine in ((TUNES, questions[::2]), (SCORES, questions[1::2])):
        missed = []
        for one in mine:
            reply = timed.ask(one["question"], *(run if one["about"] == "finding" else (None, None)))
            if not isinstance(reply, Answer) or reply.template != one["template"]:
                missed.append(one["question"])
        figures[part] = {"questions": len(mine), "answered": len(mine) - len(missed), "missed": missed}
    return figures


def _foreign(questions: list[str], cases: list[Case], timed: Timed) -> dict[str, Any]:
    """Ask what others wrote, for other ends: hardly anything vetted is there for it."""
    run = _richest(cases)
    replies = {one: [timed.ask(one, *run), timed.ask(one, None, None)] for one in dict.fromkeys(questions)}
    reasons = Counter(reply.reason.value for given in replies.values() for reply in _refusals(given))
    answered = [one for one, given in replies.items() if any(isinstance(reply, Answer) for reply in given)]
    return {"questions": len(replies), "answered": answered, "reasons": dict(reasons)}
