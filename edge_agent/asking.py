"""A question about a stored finding, answered on the terminal: `edge-agent ask`. Only reads, also beside the daemon."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TextIO

from biosignal.asking.answering import ask
from biosignal.asking.reply import Answer, Part, Quoted, Refusal, Reply
from biosignal.errors import BadInput, listed
from biosignal.events import Finding, FindingState
from biosignal.wording.literals import clock_text
from edge_agent.store.reading import EventReader, open_reader

NONE, LAST = "-", "last"
"""In the place of a finding's id: a question in general, and about the finding that was stored last."""
MOST = 100_000


class NoSuchFinding(BadInput):
    """No stored finding is called so, or several are."""

    remedy = f"`edge-agent events --kind finding` lists them; `{LAST}` is the last one, `{NONE}` asks in general"


@dataclass(frozen=True, kw_only=True, slots=True)
class AskRequest:
    """What to ask; the fields are the verb's arguments, `store` the path of ``events.db``."""

    finding: str
    question: str
    template: str | None
    store: Path
    json: bool = False


def answer(request: AskRequest, *, stdout: TextIO) -> int:
    """Write the answer, or why there is none; 0 with an answer, 1 without one.

    Raises
    ------
    NoSuchFinding : the store has no such finding. StoreUnwritable : it cannot be read. BadInput : no such template.
    """
    about, before = (None, None) if request.finding == NONE else _looked_up(request)
    reply = ask(request.question, about=about, before=before, template=request.template)
    stdout.write((json.dumps(_plain(reply)) if request.json else "\n".join(_lines(reply))) + "\n")
    return 1 if isinstance(reply, Refusal) else 0


def _looked_up(request: AskRequest) -> tuple[Finding, Finding | None]:
    reader = open_reader(request.store)
    try:
        about = _found(reader, request.finding)
        earlier = [one for one in reader.findings(about.recording, limit=MOST) if _is_before(one, about)]
    finally:
        reader.close()
    return about, max(earlier, key=lambda one: one.onset, default=None)


def _found(reader: EventReader, name: str) -> Finding:
    whole = reader.get(name)
    if whole is not None and isinstance(whole.body, Finding):
        return whole.body
    stored = reader.findings(limit=1 if name == LAST else MOST)
    fit = [one for one in stored if name == LAST or (name and one.id.startswith(name))]
    if len(fit) != 1:
        raise NoSuchFinding("which finding?", finding=name, begins=listed(one.id for one in fit) or "none")
    return fit[0]


def _is_before(one: Finding, about: Finding) -> bool:
    is_same = (one.kind, one.stream) == (about.kind, about.stream)
    return is_same and one.onset < about.onset and one.state is not FindingState.WITHDRAWN


def _plain(reply: Reply) -> dict[str, object]:
    """Give a reply as JSON values."""
    if isinstance(reply, Refusal):
        return {"type": "refusal", "reason": reply.reason.value, "why": reply.text, "can": list(reply.can)}
    parts = [asdict(part) | {"type": type(part).__name__.lower()} for part in reply.parts]
    said = {"template": reply.template, "subject": reply.subject, "in_general": reply.in_general}
    return {"type": "answer", **said, "parts": parts, "left_out": reply.left_out}


def _lines(reply: Reply) -> list[str]:
    if isinstance(reply, Refusal):
        return [f"Not answered: {reply.text}", "What can be answered:", *(f"  {one}" for one in reply.can)]
    said = [line for origin, parts in groupby(reply.parts, _origin) for line in (*_texts(parts), f"  {origin}")]
    return [*_head(reply), *said, *_foot(reply)]


def _texts(parts: Iterable[Part]) -> list[str]:
    return [part.text for part in parts]


def _head(reply: Answer) -> list[str]:
    return [f"In general, about {reply.subject}; nothing here is about a finding."] if reply.in_general else []


def _foot(reply: Answer) -> list[str]:
    return [f"Measured numbers without vetted words, left out: {reply.left_out}"] if reply.left_out else []


def _origin(part: Part) -> str:
    if isinstance(part, Quoted):
        doi = f" doi:{part.source.doi}" if part.source.doi else ""
        return f"{part.source.year or 'program'}: {part.source.cite}{doi}"
    where = f"{clock_text(part.start, part.fs_hz)} to {clock_text(part.end, part.fs_hz)}"
    return f"measured; strip {where}, finding {part.finding}"
