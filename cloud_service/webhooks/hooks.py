"""The webhooks that there are: made, ended, tried and taken up again by people."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.wire.topics import checked_name
from cloud_service.access import audit
from cloud_service.access.errors import NameTaken
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import EventRow
from cloud_service.database.webhook_tables import DeliveryRow, WebhookRow
from cloud_service.settings import WebhookSettings
from cloud_service.webhooks.errors import NoSuchWebhook
from cloud_service.webhooks.line import DEAD, WAITING, add_test
from cloud_service.webhooks.messages import Topic
from cloud_service.webhooks.receiver import receiver_of

MOST_HOOKS = 16
MOST_NAMES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A webhook to make. An empty filter lets everything through."""

    name: str
    url: str
    topics: Sequence[str] = ()
    devices: Sequence[str] = ()
    priorities: Sequence[str] = ()
    kinds: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A webhook with what became of its messages."""

    row: WebhookRow
    waiting: int
    dead: int
    delivered: datetime | None
    why: str


class Webhooks:
    """The webhooks in the database."""

    def __init__(self, database: Database, settings: WebhookSettings) -> None:
        self._database, self._settings = database, settings

    def add(self, wanted: Wanted, *, by: str) -> WebhookRow:
        """Make a webhook that is sent what happens from now on; its secret is shown once by whoever asked.

        Raises
        ------
        BadInput : a name or filter that cannot be, or too many. AddressRefused : see there. NameTaken : there was one.
        """
        name = checked_name(wanted.name, "name")
        _check_filters(wanted)
        receiver_of(wanted.url, self._settings.allow)
        now = utc_now()
        with self._database.write() as session:
            if session.scalar(select(WebhookRow.row).where(WebhookRow.name == name)) is not None:
                raise NameTaken("there is, or was, a webhook of this name", name=name)
            if len(active(session)) >= MOST_HOOKS:
                raise BadInput("there are as many webhooks as there may be", most=MOST_HOOKS)
            filters = {one: list(getattr(wanted, one)) for one in ("topics", "devices", "priorities", "kinds")}
            row = WebhookRow(
                name=name,
                url=wanted.url,
                secret=secrets.token_urlsafe(32),
                made_by=by,
                created=now,
                after=session.scalar(select(func.max(EventRow.row))) or 0,
                looked=now,
                **filters,
            )
            session.add(row)
            session.flush()
            audit.record(session, actor=by, action="webhook.add", subject=name, url=wanted.url, **filters)
        return row

    def states(self) -> list[State]:
        """All that there are or were, the newest first, with what became of their messages."""
        with self._database.read() as session:
            rows = session.scalars(select(WebhookRow).order_by(WebhookRow.row.desc()))
            return [_state(session, row) for row in rows]

    def deliveries(self, name: str, *, state: str | None, limit: int) -> list[DeliveryRow]:
        """Messages of a webhook, the newest first.

        Raises
        ------
        NoSuchWebhook : there never was one of this name.
        """
        with self._database.read() as session:
            hook = _named(session, name, ended=True)
            wanted = select(DeliveryRow).where(DeliveryRow.webhook == hook.row).order_by(DeliveryRow.number.desc())
            if state is not None:
                wanted = wanted.where(DeliveryRow.state == state)
            return list(session.scalars(wanted.limit(limit)))

    def end(self, name: str, *, by: str) -> None:
        """Send nothing any more, for good.

        Raises
        ------
        NoSuchWebhook : there is none of this name.
        """
        with self._database.write() as session:
            _named(session, name).ended = utc_now()
            audit.record(session, actor=by, action="webhook.end", subject=name)

    def test(self, name: str, *, by: str) -> None:
        """Send a message that is about nothing.

        Raises
        ------
        NoSuchWebhook : there is none of this name.
        """
        with self._database.write() as session:
            add_test(session, _named(session, name), by, utc_now())
            audit.record(session, actor=by, action="webhook.test", subject=name)

    def resend(self, name: str, *, by: str) -> int:
        """Take up all messages again that were given up; says how many.

        Raises
        ------
        NoSuchWebhook : there is none of this name.
        """
        again = {"state": WAITING, "tries": 0, "next_try": utc_now(), "ended": None}
        with self._database.write() as session:
            hook = _named(session, name)
            dead = (DeliveryRow.webhook == hook.row, DeliveryRow.state == DEAD)
            number = session.scalar(select(func.count()).select_from(DeliveryRow).where(*dead)) or 0
            session.execute(update(DeliveryRow).where(*dead).values(**again))
            audit.record(session, actor=by, action="webhook.resend", subject=name, messages=number)
        return number


def active(session: Session) -> list[WebhookRow]:
    """Those that are sent to."""
    return list(session.scalars(select(WebhookRow).where(WebhookRow.ended.is_(None)).order_by(WebhookRow.row)))


def _named(session: Session, name: str, *, ended: bool = False) -> WebhookRow:
    row = session.scalar(select(WebhookRow).where(WebhookRow.name == name))
    if row is None or (row.ended is not None and not ended):
        raise NoSuchWebhook("there is no such webhook", name=name)
    return row


def _state(session: Session, row: WebhookRow) -> State:
    of_hook = select(DeliveryRow.state, func.count()).where(DeliveryRow.webhook == row.row)
    counts = {one[0]: one[1] for one in session.execute(of_hook.group_by(DeliveryRow.state))}
    last = select(func.max(DeliveryRow.ended)).where(DeliveryRow.webhook == row.row, DeliveryRow.state != DEAD)
    failed = select(DeliveryRow.why).where(DeliveryRow.webhook == row.row, DeliveryRow.state != "delivered")
    why = session.scalar(failed.where(DeliveryRow.why != "").order_by(DeliveryRow.number.desc()).limit(1))
    return State(
        row=row,
        waiting=counts.get(WAITING, 0),
        dead=counts.get(DEAD, 0),
        delivered=session.scalar(last),
        why=why or "",
    )


def _check_filters(wanted: Wanted) -> None:
    offered = [topic.value for topic in Topic if topic is not Topic.TEST]
    unknown = [one for one in wanted.topics if one not in offered]
    if unknown:
        raise BadInput("a webhook can be about other things", unknown=unknown[0], known=", ".join(offered))
    for names in (wanted.devices, wanted.priorities, wanted.kinds):
        if len(names) > MOST_NAMES or any(not 0 < len(one) <= 64 for one in names):
            raise BadInput("a filter has too many names, or one that is too long", most=MOST_NAMES)
