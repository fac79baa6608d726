"""Tokens for programs: each made by a person, shown once, kept as a hash, and good for one role until a day."""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.wire.topics import checked_name
from cloud_service.access import audit
from cloud_service.access.accounts import DEMO_NAME
from cloud_service.access.door import group_of
from cloud_service.access.errors import NameTaken, TokenRefused, TooManyFailures
from cloud_service.access.limits import AttemptLimit
from cloud_service.access.passwords import hash_password, new_password
from cloud_service.access.people import LAST_USED_STEP, Login
from cloud_service.access.roles import Role
from cloud_service.database.clinic_tables import TokenRow, UserRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.settings import AccessSettings

ACCOUNT = "token."
"""What stands before a token's name where it acts: in the audit log, on reviews, as the issuer of commands."""
BY_HAND = "command line"
MOST_DAYS = 366
SCOPES = (Role.VIEWER, Role.REVIEWER, Role.ENGINEER)
"""Accounts and the audit log are for people."""
_PREFIX = "bedside_"
_TOKEN = re.compile(_PREFIX + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewToken:
    """A token that was just made; `token` is nowhere else."""

    name: str
    role: Role
    expires: datetime
    token: str


class Tokens:
    """The tokens in the database, and how often an address may send a wrong one.

    Each has an account that nobody can log in to, so that what it does is kept under its own name.
    """

    def __init__(self, database: Database, settings: AccessSettings, *, demo: bool) -> None:
        self._database = database
        self._demo = demo
        self._failures = AttemptLimit(settings.address_failures, settings.lockout_minutes * 60)

    def add(self, *, name: str, role: Role, days: float, by: str) -> NewToken:
        """Make a token that ends after so many days.

        Raises
        ------
        BadInput : no name, a role that no token may have, or too many days. NameTaken : there was one of that name.
        """
        account = checked_name(ACCOUNT + checked_name(name, "token name"), "token name")
        if role not in SCOPES:
            raise BadInput("no token may have this role", role=role.value, allowed=[one.value for one in SCOPES])
        if not 0 < days <= MOST_DAYS:
            raise BadInput("a token is made for some days", days=days, most=MOST_DAYS)
        token, nobodys = _PREFIX + secrets.token_urlsafe(32), hash_password(new_password())
        expires = utc_now() + timedelta(days=days)
        with self._database.write() as session:
            _add_account(session, account, role, nobodys)
            session.add(
                TokenRow(
                    account=account,
                    token_sha256=_hashed(token),
                    role=role.value,
                    made_by=by,
                    created=utc_now(),
                    expires=expires,
                )
            )
            audit.record(session, actor=by, action="token.add", subject=account, role=role.value, expires=expires)
        return NewToken(name=name, role=role, expires=expires, token=token)

    def revoke(self, name: str, *, by: str) -> None:
        """End a token at once; one that was ended stays as it is.

        Raises
        ------
        BadInput : there is no such token.
        """
        with self._database.write() as session:
            row = session.get(TokenRow, ACCOUNT + name)
            if row is None:
                raise BadInput("no such token", name=name, remedy="`cloud-service token list` names them")
            if row.revoked is None:
                row.revoked = session.get_one(UserRow, row.account).disabled = utc_now()
                audit.record(session, actor=by, action="token.revoke", subject=row.account)

    def tokens(self) -> list[TokenRow]:
        """All tokens there ever were, the newest first."""
        with self._database.read() as session:
            return list(session.scalars(select(TokenRow).order_by(TokenRow.created.desc(), TokenRow.account)))

    def who(self, sent: str, address: str) -> Login:
        """Return what a token that came with a request may do.

        A right one is let in however many wrong ones its address sent: nobody guesses one, and a program that was
        forgotten must not shut out the others beside it.

        Raises
        ------
        TokenRefused : it is unknown, revoked or past its day, or who made it may not do this any more.
        TooManyFailures : the address has sent too many such.
        """
        row = self._good(sent)
        if row is None:
            raise self._refusal(address)
        if row.last_used is None or utc_now() - row.last_used > LAST_USED_STEP:
            self._touch(row)
        return Login(name=row.account, role=Role(row.role), csrf="", token_sha256=row.token_sha256, is_token=True)

    def _good(self, sent: str) -> TokenRow | None:
        if not _TOKEN.fullmatch(sent):
            return None
        with self._database.read() as session:
            row = session.scalar(select(TokenRow).where(TokenRow.token_sha256 == _hashed(sent)))
            if row is None or row.revoked is not None or row.expires <= utc_now():
                return None
            return row if stands_behind(session, row.made_by, Role(row.role), demo=self._demo) else None

    def _refusal(self, address: str) -> TokenRefused | TooManyFailures:
        """What a wrong token is answered; kept in the audit log as long as the address has not had too many."""
        wait_s = self._failures.take(group_of(address), time.monotonic())
        if wait_s:
            return TooManyFailures(wait_s)
        with self._database.write() as session:
            audit.record(session, actor="?", action="token.refused", subject="", address=address)
        return TokenRefused("the token is unknown, revoked or past its day")

    def _touch(self, row: TokenRow) -> None:
        with self._database.write() as session:
            session.execute(update(TokenRow).where(TokenRow.account == row.account).values(last_used=utc_now()))


def stands_behind(session: Session, maker: str, role: Role, *, demo: bool) -> bool:
    """Whether who made something that opens doors is still here, and may still do all that `role` may."""
    if maker == BY_HAND:
        return True
    user = session.get(UserRow, maker)
    if user is None or user.disabled is not None or (user.name == DEMO_NAME and not demo):
        return False
    return Role(user.role).covers(role)


def short_name(row: TokenRow) -> str:
    """A token's name as it was given."""
    return row.account.removeprefix(ACCOUNT)


def _add_account(session: Session, account: str, role: Role, hashed: str) -> None:
    if session.get(UserRow, account) is not None:
        raise NameTaken("there is a token of that name, or there was", name=account.removeprefix(ACCOUNT))
    session.add(UserRow(name=account, role=role.value, argon2=hashed, created=utc_now()))
    session.flush()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
