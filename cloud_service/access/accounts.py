"""The accounts of people: made, closed, opened again, given a password or another role."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.wire.topics import checked_name
from cloud_service.access import audit
from cloud_service.access.errors import LastAdmin, NameTaken, WeakPassword, WrongPassword
from cloud_service.access.passwords import hash_password, new_password, password_matches
from cloud_service.access.roles import Role
from cloud_service.database.clinic_tables import SessionRow, TokenRow, UserRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database

DEMO_NAME = "demo"
FIRST_ADMIN = "admin"


class Accounts:
    """Accounts in the database. Passwords are hashed outside of transactions: that takes as long as many of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_admin(self, keep: Callable[[str], object]) -> bool:
        """Make the account `admin` on the first run; its password goes to `keep` and is stored nowhere else."""
        with self._database.read() as session:
            if _admins(session):
                return False
        password = new_password()
        hashed = hash_password(password)
        with self._database.write() as session:
            if _admins(session):
                return False
            keep(password)  # first: a password that nobody has would lock everybody out
            add_row(session, name=FIRST_ADMIN, role=Role.ADMIN, hashed=hashed, by="first run")
        return True

    def add(self, *, name: str, role: Role, password: str | None = None, by: str) -> str:
        """Add a person; gives the password.

        Raises
        ------
        NameTaken, WeakPassword, BadInput : as they say.
        """
        checked_name(name, "user name")
        password = password or new_password()
        hashed = hash_password(password)
        with self._database.write() as session:
            add_row(session, name=name, role=role, hashed=hashed, by=by)
        return password

    def disable(self, name: str, *, by: str) -> None:
        """Close an account and end its sessions.

        Raises
        ------
        BadInput : there is no such account. LastAdmin : nobody could administer the clinic any more.
        """
        with self._database.write() as session:
            user = _existing(session, name)
            _keep_an_admin(session, besides=name)
            user.disabled = utc_now()
            end_sessions(session, SessionRow.user == name)
            audit.record(session, actor=by, action="user.disable", subject=name)

    def enable(self, name: str, *, by: str) -> None:
        """Open a closed account again, with the password it had.

        Raises
        ------
        BadInput : there is no such account.
        """
        with self._database.write() as session:
            _existing(session, name).disabled = None
            audit.record(session, actor=by, action="user.enable", subject=name)

    def set_role(self, name: str, role: Role, *, by: str) -> None:
        """Give an account another role, from its next request on.

        Raises
        ------
        BadInput : there is no such account. LastAdmin : nobody could administer the clinic any more.
        """
        with self._database.write() as session:
            user = _existing(session, name)
            if role is not Role.ADMIN:
                _keep_an_admin(session, besides=name)
            user.role = role.value
            audit.record(session, actor=by, action="user.role", subject=name, role=role.value)

    def reset(self, name: str, *, by: str) -> str:
        """Give an account a new password, to be changed at the next login, and end its sessions; gives the password.

        Raises
        ------
        BadInput : there is no such account.
        """
        password = new_password()
        hashed = hash_password(password)
        with self._database.write() as session:
            user = _existing(session, name)
            user.argon2, user.must_change = hashed, True
            end_sessions(session, SessionRow.user == name)
            audit.record(session, actor=by, action="user.reset", subject=name)
        return password

    def change_password(self, name: str, *, old: str, new: str, session_sha256: str) -> None:
        """Change one's own password; all sessions end but the one it is done in.

        Raises
        ------
        WrongPassword : `old` is not the password. WeakPassword : `new` is too short, or the old one.
        """
        with self._database.read() as session:
            before = _existing(session, name).argon2
        if not password_matches(before, old):
            with self._database.write() as session:
                audit.record(session, actor=name, action="user.password.refused", subject=name)
            raise WrongPassword("the old password is wrong")
        if old == new:
            raise WeakPassword("the new password is the old one", remedy="choose another")
        hashed = hash_password(new)
        with self._database.write() as session:
            user = _existing(session, name)
            if user.argon2 != before:
                raise WrongPassword("the password was changed meanwhile")
            user.argon2, user.must_change = hashed, False
            end_sessions(session, SessionRow.user == name, SessionRow.token_sha256 != session_sha256)
            audit.record(session, actor=name, action="user.password", subject=name)

    def users(self) -> list[UserRow]:
        """All accounts of people."""
        wanted = select(UserRow).where(UserRow.name.not_in(select(TokenRow.account))).order_by(UserRow.name)
        with self._database.read() as session:
            return list(session.scalars(wanted))


def first_password_file(state_dir: Path) -> Path:
    """Where the first administrator's password waits to be read, by the owner of the state folder alone."""
    return state_dir / "first-admin-password"


def forget_first_password(state_dir: Path, name: str) -> None:
    """Remove that file once the password in it is no longer one."""
    if name == FIRST_ADMIN:
        first_password_file(state_dir).unlink(missing_ok=True)


def add_row(session: Session, *, name: str, role: Role, hashed: str, by: str) -> None:
    """Add an account in the running transaction.

    Raises
    ------
    NameTaken : there is one of that name.
    """
    if session.get(UserRow, name) is not None:
        raise NameTaken("there is a user of that name", name=name)
    session.add(UserRow(name=name, role=role.value, argon2=hashed, created=utc_now()))
    session.flush()
    audit.record(session, actor=by, action="user.add", subject=name, role=role.value)


def end_sessions(session: Session, *which: object) -> None:
    """End the sessions that all of `which` hold for."""
    ending = update(SessionRow).where(*which, SessionRow.ended.is_(None))  # type: ignore[arg-type]  # column expressions
    session.execute(ending.values(ended=utc_now()))


def _existing(session: Session, name: str) -> UserRow:
    user = session.get(UserRow, name)
    if user is None or session.get(TokenRow, name) is not None:  # a token's account has no password to be given
        raise BadInput("no such user", name=name, remedy="`cloud-service user list` names them")
    return user


def _admins(session: Session) -> list[UserRow]:
    wanted = select(UserRow).where(UserRow.role == Role.ADMIN.value, UserRow.name != DEMO_NAME)
    return list(session.scalars(wanted))


def _keep_an_admin(session: Session, *, besides: str) -> None:
    """Hold all administrators' rows, so that two of them cannot close each other's account at the same moment."""
    wanted = select(UserRow).where(UserRow.role == Role.ADMIN.value, UserRow.name != DEMO_NAME)
    admins = session.scalars(wanted.order_by(UserRow.name).with_for_update().execution_options(populate_existing=True))
    able = {user.name for user in admins if user.disabled is None}
    if besides in able and able == {besides}:
        raise LastAdmin("this is the last account that can administer the clinic", name=besides)
