"""Asking a device for something: logged first, sent then, and "requested" until the device answers."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.events import Command
from cloud_service.access import audit
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import CommandRow

OPEN_STATES = ("requested", "sent")
WATCH_S = 30


class CommandLink(Protocol):
    """What carries commands to devices."""

    def send_command(self, site: str, device: str, command: Command) -> bool:
        """Send; returns whether the broker took it."""


class CommandDesk:
    """Sends commands and keeps their log."""

    def __init__(self, database: Database, link: CommandLink | None) -> None:
        self._database = database
        self._link = link

    def send(
        self,
        *,
        device: str,
        name: str,
        issuer: str,
        arguments: Mapping[str, str],
        about: str | None = None,
        valid_s: float = 60.0,
    ) -> CommandRow:
        """Log a command, send it, and give its row; its state is "unsent" when there is no broker to take it.

        Raises
        ------
        BadInput : there is no such device.
        """
        now = utc_now()
        with self._database.write() as session:
            known = session.get(DeviceRow, device)
            if known is None:
                raise BadInput("no such device", name=device)
            row = CommandRow(
                id=str(uuid.uuid4()),
                site=known.site,
                device=device,
                name=name,
                issuer=issuer,
                arguments=dict(arguments),
                about=about,
                state="requested",
                requested=now,
                expires=now + timedelta(seconds=valid_s),
                reason="",
            )
            session.add(row)
            audit.record(session, actor=issuer, action=f"command.{name}", subject=device, command=row.id, about=about)
        self._deliver(row)
        with self._database.read() as session:
            return session.get_one(CommandRow, row.id)

    def renew_watch(self, *, site: str, device: str) -> bool:
        """Ask again for what is being watched; not logged, because the watch itself was."""
        expires = utc_now() + timedelta(seconds=WATCH_S)
        return self._hand_over(site, device, _command(str(uuid.uuid4()), "watch", "clinic", expires, watch_arguments()))

    def _deliver(self, row: CommandRow) -> None:
        command = _command(row.id, row.name, row.issuer, row.expires, row.arguments)
        taken = self._hand_over(row.site, row.device, command)
        with self._database.write() as session:
            # the answer may have been faster than we are
            session.execute(
                update(CommandRow)
                .where(CommandRow.id == row.id, CommandRow.state == "requested")
                .values(state="sent" if taken else "unsent", reason="" if taken else "the broker could not be reached")
            )
            if taken:
                session.execute(update(CommandRow).where(CommandRow.id == row.id).values(sent=utc_now()))

    def _hand_over(self, site: str, device: str, command: Command) -> bool:
        return self._link is not None and self._link.send_command(site, device, command)


def watch_arguments() -> dict[str, str]:
    """Arguments of a watch command: how long the device shall send waves."""
    return {"seconds": str(WATCH_S)}


def shown_state(row: CommandRow, now: datetime) -> str:
    """State as a person should read it: an unanswered command past its time has expired."""
    return "expired" if row.state in OPEN_STATES and row.expires < now else row.state


def latest_about(session: Session, about: list[str]) -> dict[str, CommandRow]:
    """The newest command about each of these things."""
    rows = session.scalars(select(CommandRow).where(CommandRow.about.in_(about)).order_by(CommandRow.requested))
    return {row.about: row for row in rows if row.about is not None}


def _command(command: str, name: str, issuer: str, expires: datetime, arguments: Mapping[str, str]) -> Command:
    stamp = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Command(id=command, name=name, issuer=issuer, expires_utc=stamp, arguments=tuple(arguments.items()))
