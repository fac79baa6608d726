"""Logging in and out."""

from functools import partial

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from biosignal.errors import BedsideError
from cloud_service.access.accounts import forget_first_password
from cloud_service.access.errors import Busy, WrongPassword
from cloud_service.access.people import Login, NewLogin
from cloud_service.access.roles import Role
from cloud_service.clinic.context import Clinic, ClinicPart, Newcomer, NewcomerInPerson, address_of, is_same_origin

router = APIRouter(tags=["login"])


class Credentials(BaseModel):
    """Name and password."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class PasswordChange(BaseModel):
    """The password there is, and the one there shall be."""

    old: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


class Me(BaseModel):
    """Who is logged in, or the program whose token this is, which needs no `csrf`.

    `csrf` goes into the header ``X-CSRF-Token`` of every request that changes something.

    With `must_change`, every other route refuses until the password is changed.
    """

    name: str
    role: Role
    csrf: str
    must_change: bool


class LoginOptions(BaseModel):
    """What the login page offers."""

    demo: bool


@router.get("/login")
def login_options(clinic: ClinicPart) -> LoginOptions:
    """Whether the demo login is open."""
    return LoginOptions(demo=clinic.people.demo)


@router.post("/login")
async def log_in(credentials: Credentials, request: Request, response: Response, clinic: ClinicPart) -> Me:
    """Open a session; its token is new with every login, whatever cookie came with the request."""
    _refuse_other_sites(request)
    name, address = credentials.name, address_of(request)
    clinic.people.begin(name, address)
    check = partial(
        clinic.people.finish,
        name=name,
        password=credentials.password,
        address=address,
        old_token=request.cookies.get(clinic.cookie),
    )
    try:
        new = await clinic.turns.run(check)
    except Busy:
        clinic.people.withdraw(name, address)
        raise
    return _welcome(clinic, response, new)


@router.post("/login/demo")
def demo_log_in(request: Request, response: Response, clinic: ClinicPart) -> Me:
    """Open a session without a password, in a demo only."""
    _refuse_other_sites(request)
    new = clinic.people.demo_log_in(address=address_of(request), old_token=request.cookies.get(clinic.cookie))
    return _welcome(clinic, response, new)


@router.post("/logout", status_code=204)
def log_out(login: NewcomerInPerson, response: Response, clinic: ClinicPart) -> None:
    """End the session."""
    clinic.people.log_out(login)
    response.delete_cookie(clinic.cookie, path="/", secure=clinic.settings.http.tls, httponly=True, samesite="strict")


@router.post("/me/password", status_code=204)
async def change_password(
    change: PasswordChange, login: NewcomerInPerson, request: Request, clinic: ClinicPart
) -> None:
    """Change one's own password. The other sessions of the account end; a wrong old one counts as a failed login."""
    name, address = login.name, address_of(request)
    clinic.people.begin(name, address)
    work = partial(
        clinic.people.change_password, name, old=change.old, new=change.new, session_sha256=login.token_sha256
    )
    try:
        await clinic.turns.run(work)
    except WrongPassword:
        raise
    except BedsideError:
        clinic.people.withdraw(name, address)
        raise
    clinic.people.withdraw(name, address)
    forget_first_password(clinic.settings.state_dir, name)


@router.get("/me")
def me(login: Newcomer) -> Me:
    """Return who is logged in."""
    return _me(login)


def _refuse_other_sites(request: Request) -> None:
    if not is_same_origin(request):
        raise HTTPException(403, "the request comes from another site")


def _welcome(clinic: Clinic, response: Response, new: NewLogin) -> Me:
    response.set_cookie(
        clinic.cookie, new.token, path="/", secure=clinic.settings.http.tls, httponly=True, samesite="strict"
    )
    return _me(new.login)


def _me(login: Login) -> Me:
    return Me(name=login.name, role=login.role, csrf=login.csrf, must_change=login.must_change)
