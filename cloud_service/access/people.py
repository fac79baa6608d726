"""Who may log in, and their sessions on the server."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update

from biosignal.wire.topics import is_name
from cloud_service.access import audit
from cloud_service.access.accounts import DEMO_NAME, Accounts, add_row, end_sessions
from cloud_service.access.door import group_of
from cloud_service.access.errors import LoginFailed, TooManyFailures
from cloud_service.access.limits import AttemptLimit
from cloud_service.access.passwords import hash_password, new_password, password_matches
from cloud_service.access.roles import Role
from cloud_service.database.clinic_tables import SessionRow, UserRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.settings import AccessSettings

LAST_USED_STEP = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A person who is logged in, or a program with a token, which has no session and so no CSRF token.

    With `must_change`, nothing is open but the change of the password.
    """

    name: str
    role: Role
    csrf: str
    token_sha256: str
    must_change: bool = False
    is_token: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLogin:
    """A fresh login with the token that goes into the cookie, once."""

    login: Login
    token: str


class People(Accounts):
    """Accounts, and the sessions of those who are logged in."""

    def __init__(self, database: Database, settings: AccessSettings, *, demo: bool) -> None:
        super().__init__(database)
        self._settings = settings
        self.demo = demo
        window_s = settings.lockout_minutes * 60
        self._of_account = AttemptLimit(settings.account_failures, window_s)
        self._of_address = AttemptLimit(settings.address_failures, window_s)

    def log_in(self, *, name: str, password: str, address: str, old_token: str | None = None) -> NewLogin:
        """Check name and password and open a session with a token of its own.

        Raises
        ------
        TooManyFailures : the account from this address, or the address, must wait. LoginFailed : name or password is
        wrong.
        """
        self.begin(name, address)
        return self.finish(name=name, password=password, address=address, old_token=old_token)

    def begin(self, name: str, address: str) -> None:
        """Count an attempt; quick, and before anything is done that takes memory or time.

        An account is closed for the address that guesses it and for nobody else.

        Raises
        ------
        TooManyFailures : the account from this address, or the address, must wait.
        """
        now_s, group = time.monotonic(), group_of(address)
        wait_s = self._of_address.take(group, now_s)
        if not wait_s:
            wait_s = self._of_account.take(_attempt(name, address), now_s)
            if wait_s:
                self._of_address.give_back(group)
        if wait_s:
            raise TooManyFailures(wait_s)

    def withdraw(self, name: str, address: str) -> None:
        """Take back an attempt that was begun and not looked at."""
        self._of_address.give_back(group_of(address))
        self._of_account.give_back(_attempt(name, address))

    def finish(self, *, name: str, password: str, address: str, old_token: str | None = None) -> NewLogin:
        """Check an attempt that was begun, and open a session.

        Raises
        ------
        LoginFailed : name or password is wrong.
        """
        if not self._is_right(name, password):
            with self._database.write() as session:
                subject = name if is_name(name) else "(not a name)"
                audit.record(session, actor="?", action="login.failed", subject=subject, address=address)
            raise LoginFailed("name or password is wrong")
        self._of_address.give_back(group_of(address))
        self._of_account.forget(_attempt(name, address))
        return self._open(name, address, old_token)

    def _is_right(self, name: str, password: str) -> bool:
        user = None
        if is_name(name):
            with self._database.read() as session:
                user = session.get(UserRow, name)
        return password_matches(user.argon2 if user and user.disabled is None else None, password)

    def demo_log_in(self, *, address: str, old_token: str | None = None) -> NewLogin:
        """Log in without a password, where the demo setting allows it.

        Raises
        ------
        LoginFailed : this is not a demo.
        """
        if not self.demo:
            raise LoginFailed("there is no demo login here")
        with self._database.write() as session:
            if session.get(UserRow, DEMO_NAME) is None:
                add_row(session, name=DEMO_NAME, role=Role.ADMIN, hashed=hash_password(new_password()), by="demo")
        return self._open(DEMO_NAME, address, old_token)

    def who(self, token: str | None) -> Login | None:
        """Return who a cookie's token belongs to; None when it is unknown, ended, or too old."""
        if not token:
            return None
        hashed = _hashed(token)
        with self._database.read() as session:
            row = session.get(SessionRow, hashed)
            user = session.get(UserRow, row.user) if row else None
        if row is None or user is None or row.ended or user.disabled:
            return None
        now = utc_now()
        idle = timedelta(minutes=self._settings.idle_minutes)
        if now - row.last_used > idle or now - row.created > timedelta(hours=self._settings.session_hours):
            return None
        if user.name == DEMO_NAME and not self.demo:
            return None
        if now - row.last_used > min(LAST_USED_STEP, idle / 4):
            self._touch(hashed)
        return _login(user, row)

    def log_out(self, login: Login) -> None:
        """End the session."""
        with self._database.write() as session:
            end_sessions(session, SessionRow.token_sha256 == login.token_sha256)
            audit.record(session, actor=login.name, action="logout", subject=login.name)

    def _touch(self, hashed: str) -> None:
        with self._database.write() as session:
            session.execute(update(SessionRow).where(SessionRow.token_sha256 == hashed).values(last_used=utc_now()))

    def _open(self, name: str, address: str, old_token: str | None) -> NewLogin:
        token = secrets.token_urlsafe(32)
        now = utc_now()
        row = SessionRow(
            token_sha256=_hashed(token),
            user=name,
            csrf=secrets.token_urlsafe(24),
            address=address,
            created=now,
            last_used=now,
        )
        with self._database.write() as session:
            if old_token:
                end_sessions(session, SessionRow.token_sha256 == _hashed(old_token))
            user = session.get_one(UserRow, name)
            session.add(row)
            audit.record(session, actor=name, action="login", subject=name, address=address)
        return NewLogin(login=_login(user, row), token=token)


def _login(user: UserRow, row: SessionRow) -> Login:
    role = Role(user.role)
    return Login(name=user.name, role=role, csrf=row.csrf, token_sha256=row.token_sha256, must_change=user.must_change)


def csrf_matches(login: Login, sent: str | None) -> bool:
    """Compare the token a page sent back with the session's."""
    return hmac.compare_digest(login.csrf.encode(), (sent or "").encode())


def _attempt(name: str, address: str) -> str:
    return f"{group_of(address)} {name}"


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
