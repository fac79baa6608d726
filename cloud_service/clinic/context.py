"""What every route needs: the clinic's parts, and who asks."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field
from starlette.requests import HTTPConnection

from cloud_service.access.errors import TokenRefused, TooManyFailures
from cloud_service.access.limits import AttemptLimit, Turns
from cloud_service.access.people import Login, People, csrf_matches
from cloud_service.access.roles import Role
from cloud_service.access.shares import Shares
from cloud_service.access.tokens import SCOPES, Tokens
from cloud_service.clinic.command_desk import CommandDesk
from cloud_service.clinic.escalator import Escalator
from cloud_service.clinic.lookout import Lookout
from cloud_service.clinic.retention import Retention
from cloud_service.clinic.watching import LiveViews, WatchDesk
from cloud_service.database.connection import Database
from cloud_service.ingest.broker_link import BrokerLink
from cloud_service.ingest.stored_waves import WaveFiler
from cloud_service.ingest.worker import IngestWorker
from cloud_service.settings import CloudSettings
from cloud_service.waves.archive import WaveArchive

if TYPE_CHECKING:
    from cloud_service.clinic.feed import Feed

_BEARER = HTTPBearer(scheme_name="token", description="A token that an engineer has made.", auto_error=False)
_Sent: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
"""Lets the description of the API name the way in; what a token opens is decided in `allowed`."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Clinic:
    """The parts of a running clinic; hangs on the application's state."""

    settings: CloudSettings
    database: Database
    people: People
    tokens: Tokens
    shares: Shares
    turns: Turns
    questions: AttemptLimit
    link: BrokerLink | None
    worker: IngestWorker | None
    archive: WaveArchive
    filer: WaveFiler | None
    commands: CommandDesk
    watching: WatchDesk
    views: LiveViews
    feed: "Feed"
    lookout: Lookout
    escalator: Escalator
    retention: Retention
    on_devices_changed: Callable[[], None]

    @property
    def cookie(self) -> str:
        """Name of the session cookie; with https, a browser binds the ``__Host-`` name to this very host."""
        return "__Host-bedside" if self.settings.http.tls else "bedside"


def clinic_of(connection: HTTPConnection) -> Clinic:
    """Find the clinic a request came to."""
    return cast(Clinic, connection.app.state.clinic)


def address_of(connection: HTTPConnection) -> str:
    """Address of the other end."""
    return connection.client.host if connection.client else "?"


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether a browser says that the request comes from one of our own pages, or no browser sent it."""
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    try:
        place = urlsplit(origin).netloc
    except ValueError:  # no address at all
        return False
    return hmac.compare_digest(place.encode(), connection.headers.get("host", "").encode())


def session_of(connection: HTTPConnection) -> Login | None:
    """Who is logged in on this connection, if anyone, also who has to change the password first."""
    clinic = clinic_of(connection)
    return clinic.people.who(connection.cookies.get(clinic.cookie))


def asker_of(connection: HTTPConnection) -> Login | None:
    """Who asks the API, if anyone: the program whose token came, else who is logged in.

    Raises
    ------
    TokenRefused, TooManyFailures : a token came and opens nothing, whatever cookie came with it.
    """
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return session_of(connection)
    return clinic_of(connection).tokens.who(token.strip(), address_of(connection))


def login_of(connection: HTTPConnection) -> Login | None:
    """Who asks on this connection and may go on, if anyone."""
    try:
        login = asker_of(connection)
    except (TokenRefused, TooManyFailures):
        return None
    return None if login is None or login.must_change else login


def allowed(role: Role, *, before_change: bool = False, in_person: bool = False) -> Callable[..., Login]:
    """Make the dependency that lets in who has `role`; what changes something also needs the CSRF token.

    Who has to change the password comes in with `before_change` only, and no program with `in_person`. A program's
    request carries its token by itself and no cookie, so that no other site can have made a browser send it.
    """

    def check(request: Request) -> Login:
        login = asker_of(request)
        if login is None:
            raise HTTPException(401, "log in first")
        if in_person and login.is_token:
            raise HTTPException(403, "this is for people who are logged in, not for tokens")
        if login.must_change and not before_change:
            raise HTTPException(403, "change your password first, on the account page: somebody else has set it")
        if not login.role.covers(role):
            raise HTTPException(403, f"this needs the role {role.value}")
        if request.method not in SAFE_METHODS and not login.is_token:
            if not is_same_origin(request):
                raise HTTPException(403, "the request comes from another site")
            if not csrf_matches(login, request.headers.get("x-csrf-token")):
                raise HTTPException(403, "the CSRF token is missing or wrong")
        return login

    def check_either(request: Request, _sent: _Sent) -> Login:
        return check(request)

    return check if in_person or role not in SCOPES else check_either


RowNumber: TypeAlias = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A number of a row that somebody asks for: larger ones no database can be asked for."""
ClinicPart: TypeAlias = Annotated[Clinic, Depends(clinic_of)]
Newcomer: TypeAlias = Annotated[Login, Depends(allowed(Role.VIEWER, before_change=True))]
NewcomerInPerson: TypeAlias = Annotated[Login, Depends(allowed(Role.VIEWER, before_change=True, in_person=True))]
Viewer: TypeAlias = Annotated[Login, Depends(allowed(Role.VIEWER))]
Reviewer: TypeAlias = Annotated[Login, Depends(allowed(Role.REVIEWER))]
ReviewerInPerson: TypeAlias = Annotated[Login, Depends(allowed(Role.REVIEWER, in_person=True))]
Engineer: TypeAlias = Annotated[Login, Depends(allowed(Role.ENGINEER))]
EngineerInPerson: TypeAlias = Annotated[Login, Depends(allowed(Role.ENGINEER, in_person=True))]
Admin: TypeAlias = Annotated[Login, Depends(allowed(Role.ADMIN))]
