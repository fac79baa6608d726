"""For administrators: the accounts of people."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud_service.access.accounts import forget_first_password
from cloud_service.access.roles import Role
from cloud_service.clinic.context import Admin, ClinicPart
from cloud_service.database.clinic_tables import UserRow

router = APIRouter(tags=["people"])


class User(BaseModel):
    """An account."""

    name: str
    role: Role
    created: datetime
    disabled: datetime | None


class Users(BaseModel):
    """All accounts."""

    users: list[User]


class NewUser(BaseModel):
    """An account to make; without a password, one is made."""

    name: str = Field(max_length=64)
    role: Role
    password: str | None = Field(default=None, max_length=1024)


class MadeUser(BaseModel):
    """A new account; the password is shown this once."""

    name: str
    role: Role
    password: str


class NewRole(BaseModel):
    """The role an account shall have."""

    role: Role


class NewPassword(BaseModel):
    """An account's new password, shown this once."""

    name: str
    password: str


@router.get("/users")
def users(_login: Admin, clinic: ClinicPart) -> Users:
    """List the accounts."""
    return Users(users=[_user(row) for row in clinic.people.users()])


@router.post("/users", status_code=201)
def add_user(new: NewUser, login: Admin, clinic: ClinicPart) -> MadeUser:
    """Make an account."""
    password = clinic.people.add(name=new.name, role=new.role, password=new.password, by=login.name)
    return MadeUser(name=new.name, role=new.role, password=password)


@router.post("/users/{name}/disable", status_code=204)
def disable_user(name: str, login: Admin, clinic: ClinicPart) -> None:
    """Close an account and end its sessions."""
    clinic.people.disable(name, by=login.name)


@router.post("/users/{name}/enable", status_code=204)
def enable_user(name: str, login: Admin, clinic: ClinicPart) -> None:
    """Open a closed account again."""
    clinic.people.enable(name, by=login.name)


@router.post("/users/{name}/role", status_code=204)
def set_role(name: str, new: NewRole, login: Admin, clinic: ClinicPart) -> None:
    """Give an account another role."""
    clinic.people.set_role(name, new.role, by=login.name)


@router.post("/users/{name}/reset")
def reset_password(name: str, login: Admin, clinic: ClinicPart) -> NewPassword:
    """Give an account a new password and end its sessions."""
    password = clinic.people.reset(name, by=login.name)
    forget_first_password(clinic.settings.state_dir, name)
    return NewPassword(name=name, password=password)


def _user(row: UserRow) -> User:
    return User.model_validate(row, from_attributes=True)
