"""The messages that wait for each webhook: put in once, taken out in the order of each device, given up in the end."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session

from cloud_service.database.clinic_tables import ClinicAlarmRow, EscalationRow
from cloud_service.database.event_tables import EventRow
from cloud_service.database.upsert import keep_all
from cloud_service.database.webhook_tables import DeliveryRow, WebhookRow
from cloud_service.settings import WebhookSettings
from cloud_service.webhooks.messages import Occurrence, Topic, of_events, of_own, of_step

WAITING = "waiting"
DELIVERED = "delivered"
DEAD = "dead"
MOST_EVENTS = 500
MOST_WAITING = 10_000
"""More are given up at once, and say so: whoever takes none for so long has to be asked what they want of it."""
LOOK_BACK = 200
LATE_S = 600.0
"""Transactions of several writers do not commit in the order of their rows: so far behind, and so long, is looked."""
NOTE_S = 60.0
NOTE_ROWS = 1000
_KINDS = (Topic.ALARM.value, Topic.FINDING.value)


def is_behind(session: Session, hook: WebhookRow, now: datetime) -> bool:
    """Whether there is something to put in, or a place to be noted; nothing is written each second for nothing."""
    if now - hook.looked > timedelta(seconds=NOTE_S):
        return True
    wanted, after = _wanted(session, hook, now)
    return after - hook.after > NOTE_ROWS or bool(_new(session, hook, wanted))


def fill(session: Session, hook: WebhookRow, now: datetime) -> None:
    """Put in what has happened since the last time that a webhook asks for."""
    wanted, after = _wanted(session, hook, now)
    put_in(session, hook, wanted, now)
    # What the last look may have missed is looked for once more, from a while before it.
    hook.after, hook.looked = max(hook.after, after), now


def put_in(session: Session, hook: WebhookRow, wanted: Sequence[Occurrence], now: datetime) -> None:
    """Add messages that are not there yet."""
    new = _new(session, hook, wanted)
    if not new:
        return
    of_hook = DeliveryRow.webhook == hook.row
    last = session.scalar(select(func.max(DeliveryRow.number)).where(of_hook)) or 0
    waiting = session.scalar(select(func.count()).select_from(DeliveryRow).where(of_hook, DeliveryRow.state == WAITING))
    free = MOST_WAITING - (waiting or 0)
    rows = [_row(hook, one, number, now, is_too_much=number - last > free) for number, one in enumerate(new, last + 1)]
    keep_all(session, DeliveryRow, rows)


def add_test(session: Session, hook: WebhookRow, by: str, now: datetime) -> None:
    """Put in a message that is about nothing."""
    facts = {"by": by, "webhook": hook.name}
    key = f"test/{now.isoformat()}"
    test = Occurrence(key=key, topic=Topic.TEST, device="", kind="", priority="", at=now, facts=facts)
    put_in(session, hook, [test], now)


def next_due(session: Session, hook: int, now: datetime) -> DeliveryRow | None:
    """Give the next message to be sent: of each device the first that waits, and that is due."""
    waiting = and_(DeliveryRow.webhook == hook, DeliveryRow.state == WAITING)
    heads = select(func.min(DeliveryRow.number)).where(waiting).group_by(DeliveryRow.device)
    due = select(DeliveryRow).where(waiting, DeliveryRow.number.in_(heads), DeliveryRow.next_try <= now)
    return session.scalar(due.order_by(DeliveryRow.number).limit(1))


def note_delivered(row: DeliveryRow, now: datetime) -> None:
    """It was taken."""
    row.state, row.ended, row.tries, row.why = DELIVERED, now, row.tries + 1, ""


def note_failed(row: DeliveryRow, why: str, now: datetime, settings: WebhookSettings, spread: float) -> None:
    """It was not taken: later again, or not any more. `spread` is between 0 and 1."""
    row.tries += 1
    row.why = why
    if row.tries >= settings.tries:
        row.state, row.ended = DEAD, now
        return
    row.next_try = now + timedelta(seconds=wait_s(row.tries, settings) * (0.5 + 0.5 * spread))


def wait_s(tries: int, settings: WebhookSettings) -> float:
    """How long the next try waits at most: a second, then twice as long each time, up to a limit."""
    return min(settings.retry_max_s, 2.0 ** min(tries - 1, 30))


def remove_old(session: Session, before: datetime) -> None:
    """Let go of what was delivered before a time; what was given up stays."""
    session.execute(delete(DeliveryRow).where(DeliveryRow.state == DELIVERED, DeliveryRow.ended < before))


def _wanted(session: Session, hook: WebhookRow, now: datetime) -> tuple[list[Occurrence], int]:
    events, after = _events(session, hook, now)
    found = [*of_events(events), *_others(session, hook)]
    return sorted((one for one in found if one.passes(hook)), key=lambda one: one.at), after


def _new(session: Session, hook: WebhookRow, wanted: Sequence[Occurrence]) -> list[Occurrence]:
    keys = [one.key for one in wanted]
    of_hook = select(DeliveryRow.key).where(DeliveryRow.webhook == hook.row)
    there = set(session.scalars(of_hook.where(DeliveryRow.key.in_(keys)))) if keys else set()
    return [one for one in wanted if one.key not in there]


def _events(session: Session, hook: WebhookRow, now: datetime) -> tuple[list[EventRow], int]:
    """Events behind the last look, with those that were committed late; and up to which row that is."""
    late = and_(EventRow.row > hook.after - LOOK_BACK, EventRow.received > now - timedelta(seconds=LATE_S))
    wanted = select(EventRow).where(or_(EventRow.row > hook.after, late), EventRow.received >= hook.created)
    found = list(session.scalars(wanted.where(EventRow.kind.in_(_KINDS)).order_by(EventRow.row).limit(MOST_EVENTS)))
    if len(found) == MOST_EVENTS:
        return found, found[-1].row
    return found, session.scalar(select(func.max(EventRow.row))) or 0


def _others(session: Session, hook: WebhookRow) -> Iterator[Occurrence]:
    """What is no event of a device: alarms of the clinic's own, and who was told."""
    since = max(hook.created, hook.looked - timedelta(seconds=LATE_S))
    changed = or_(ClinicAlarmRow.since >= since, ClinicAlarmRow.acknowledged >= since, ClinicAlarmRow.ended >= since)
    for row in session.scalars(select(ClinicAlarmRow).where(changed).order_by(ClinicAlarmRow.since)):
        yield from (one for one in of_own(row) if one.at >= since)
    for step in session.scalars(select(EscalationRow).where(EscalationRow.at >= since).order_by(EscalationRow.at)):
        yield of_step(step)


def _row(hook: WebhookRow, one: Occurrence, number: int, now: datetime, *, is_too_much: bool) -> dict[str, object]:
    why = f"more than {MOST_WAITING} messages wait" if is_too_much else ""
    facts = {"webhook": hook.row, "key": one.key, "number": number, "device": one.device, "topic": one.topic.value}
    state = {"state": DEAD if is_too_much else WAITING, "tries": 0, "next_try": now, "why": why}
    return {**facts, **state, "ended": now if is_too_much else None, "body": one.body(), "created": now}
