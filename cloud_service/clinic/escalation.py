"""Who is told next of an alarm that nobody answers. Pure: what stands and what was told in, the next step out.

The people named for a bed are told one after the other, then everybody; after that all are reminded. An alarm that was
acknowledged is told once more where its condition stays for long. Times are of the clinic's clock, in UTC.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from biosignal.events import Priority
from cloud_service.settings import EscalationSettings

STILL_THERE_SHOWN_S = 60.0
"""For so long pages show that an acknowledged alarm is still there: it is no alarm, and would be nagging for longer."""


class Turn(str, Enum):
    """Whom a step tells: a person, everybody, everybody again, or whoever acknowledged what is still there."""

    PERSON = "person"
    ALL = "all"
    REMINDER = "reminder"
    STILL_THERE = "still-there"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """An alarm that is not resolved, since it came to its present state: nobody answered, or `seen_by` somebody.

    `episode` is the revision by which it came to it, so that an alarm that is raised again is told again.
    """

    alarm: str
    episode: int
    device: str
    kind: str
    priority: Priority
    since: datetime
    seen_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that was told, or is to be: `to` whom (empty: everybody), and how many of them were on a page."""

    turn: Turn
    to: str
    pages: int
    at: datetime


def next_step(
    one: Waiting,
    before: Sequence[Step],
    people: Sequence[str],
    on_page: Collection[str],
    now: datetime,
    settings: EscalationSettings,
) -> Step | None:
    """Find what is to be told now; `before` are the steps of this episode, in their order. None: nothing yet."""
    if one.seen_by is not None:
        return _still_there(one, before, on_page, now, settings)
    wait_s = {Priority.HIGH: settings.high_s, Priority.MEDIUM: settings.medium_s}.get(one.priority, 0.0)
    if wait_s <= 0 or not _is_due(before[-1:], one.since, wait_s, now, settings):
        return None
    if before and before[-1].turn is not Turn.PERSON:
        return Step(turn=Turn.REMINDER, to="", pages=len(on_page), at=now)
    known = {step.to for step in before}
    person = next((name for name in people if name not in known), None)
    if person is not None:
        return Step(turn=Turn.PERSON, to=person, pages=int(person in on_page), at=now)
    return Step(turn=Turn.ALL, to="", pages=len(on_page), at=now)


def _is_due(last: Sequence[Step], since: datetime, wait_s: float, now: datetime, settings: EscalationSettings) -> bool:
    if not last:
        return now >= since + timedelta(seconds=wait_s)
    if last[0].turn is not Turn.PERSON:
        return settings.remind_s > 0 and now >= last[0].at + timedelta(seconds=settings.remind_s)
    # Nobody waits for a person whom no page tells.
    return not last[0].pages or now >= last[0].at + timedelta(seconds=wait_s)


def _still_there(
    one: Waiting, before: Sequence[Step], on_page: Collection[str], now: datetime, settings: EscalationSettings
) -> Step | None:
    last = before[-1].at if before else one.since
    if settings.still_there_s <= 0 or now < last + timedelta(seconds=settings.still_there_s):
        return None
    seen_by = one.seen_by or ""
    if seen_by in on_page:
        return Step(turn=Turn.STILL_THERE, to=seen_by, pages=1, at=now)
    return Step(turn=Turn.STILL_THERE, to="", pages=len(on_page), at=now)


def is_shown(step: Step, now: datetime) -> bool:
    """Whether pages show a step that is the last of its episode."""
    return step.turn is not Turn.STILL_THERE or now < step.at + timedelta(seconds=STILL_THERE_SHOWN_S)


def concerns(steps: Sequence[Step], name: str) -> bool:
    """Whether a person was told by these steps of an episode."""
    return any(step.to in ("", name) for step in steps)


def sentence(steps: Sequence[Step]) -> str:
    """Say whom the last step told, and who of the named was on no page."""
    last = steps[-1]
    if last.turn is Turn.PERSON:
        return f"told {last.to}" if last.pages else f"{last.to} is on no page"
    what = {Turn.REMINDER: "reminded", Turn.STILL_THERE: "reminded that it is still there:"}.get(last.turn, "told")
    if last.to:
        return f"{what} {last.to}"
    if not last.pages:
        return "nobody is on a page"
    named = [step for step in steps if step.turn is Turn.PERSON]
    whom = f"{what} everybody on a page ({last.pages})"
    is_first = last.turn is Turn.ALL and named and not any(step.pages for step in named)
    return f"nobody named is on a page; {whom}" if is_first else whom
