"""Links that show one finding to whoever has them, until they end."""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from cloud_service.access import audit
from cloud_service.access.errors import TooManyOpenings
from cloud_service.access.limits import AttemptLimit
from cloud_service.access.roles import Role
from cloud_service.access.tokens import stands_behind
from cloud_service.database.clinic_tables import ShareRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database

MOST_HOURS = 168
OPENINGS = 30
WINDOW_S = 60.0
"""Each opening is an entry of the audit log: so many of one link in so long are more than people make."""
BY_LINK = "shared link"
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewShare:
    """A link that was just made; `token` is nowhere else."""

    row: int
    token: str
    expires: datetime


class Shares:
    """The links in the database. One that is unknown, past its time or revoked is as one that never was."""

    def __init__(self, database: Database, *, demo: bool) -> None:
        self._database = database
        self._demo = demo
        self._openings = AttemptLimit(OPENINGS, WINDOW_S)

    def add(self, finding: str, *, hours: float, by: str) -> NewShare:
        """Make a link to a finding that exists.

        Raises
        ------
        BadInput : too many hours, or none.
        """
        if not 0 < hours <= MOST_HOURS:
            raise BadInput("a link is made for some hours", hours=hours, most=MOST_HOURS)
        token, now = secrets.token_urlsafe(32), utc_now()
        expires = now + timedelta(hours=hours)
        row = ShareRow(finding=finding, token_sha256=_hashed(token), made_by=by, created=now, expires=expires, opened=0)
        with self._database.write() as session:
            session.add(row)
            session.flush()
            audit.record(session, actor=by, action="finding.share", subject=finding, link=row.row, expires=expires)
        return NewShare(row=row.row, token=token, expires=expires)

    def of(self, finding: str) -> list[ShareRow]:
        """All links that there are or were to a finding, the newest first."""
        with self._database.read() as session:
            return list(
                session.scalars(select(ShareRow).where(ShareRow.finding == finding).order_by(ShareRow.row.desc()))
            )

    def revoke(self, number: int, *, by: str) -> bool:
        """End a link at once; False where there is none of that number."""
        with self._database.write() as session:
            row = session.get(ShareRow, number)
            if row is not None and row.revoked is None:
                row.revoked = utc_now()
                audit.record(session, actor=by, action="finding.share.revoke", subject=row.finding, link=number)
        return row is not None

    def open(self, token: str, *, address: str) -> ShareRow | None:
        """Count an opening and give the link; None where it shows nothing.

        Raises
        ------
        TooManyOpenings : the link is opened more often than people would.
        """
        if not _TOKEN.fullmatch(token):
            return None
        with self._database.read() as session:  # who guesses must not make writers wait
            if self._standing(session, token) is None:
                return None
        wait_s = self._openings.take(_hashed(token), time.monotonic())
        if wait_s:
            raise TooManyOpenings(wait_s)
        with self._database.write() as session:
            row = self._standing(session, token)
            if row is not None:
                row.opened, row.last_opened = row.opened + 1, utc_now()
                facts = {"link": row.row, "address": address}
                audit.record(session, actor=BY_LINK, action="finding.share.open", subject=row.finding, **facts)
            return row

    def _standing(self, session: Session, token: str) -> ShareRow | None:
        row = session.scalar(select(ShareRow).where(ShareRow.token_sha256 == _hashed(token)))
        if row is None or row.revoked is not None or row.expires <= utc_now():
            return None
        return row if stands_behind(session, row.made_by, Role.REVIEWER, demo=self._demo) else None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
