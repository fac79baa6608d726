"""Tokens for programs, made and ended by people who run the clinic."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud_service.access.roles import Role
from cloud_service.access.tokens import MOST_DAYS, short_name
from cloud_service.clinic.context import ClinicPart, EngineerInPerson
from cloud_service.database.clinic_tables import TokenRow

router = APIRouter(tags=["people"])


class WantedToken(BaseModel):
    """A token to make: `role` is all that it may do, and it ends after `days`."""

    name: str = Field(max_length=64)
    role: Role
    days: int = Field(ge=1, le=MOST_DAYS)


class MadeToken(BaseModel):
    """A new token, shown this once; it goes into the header ``Authorization: Bearer TOKEN``."""

    name: str
    role: Role
    expires: datetime
    token: str


class ListedToken(BaseModel):
    """A token without itself."""

    name: str
    role: Role
    made_by: str
    created: datetime
    expires: datetime
    last_used: datetime | None
    revoked: datetime | None


class ListedTokens(BaseModel):
    """All tokens there ever were, the newest first."""

    tokens: list[ListedToken]


@router.get("/tokens")
def tokens(_login: EngineerInPerson, clinic: ClinicPart) -> ListedTokens:
    """List the tokens."""
    return ListedTokens(tokens=[_listed(row) for row in clinic.tokens.tokens()])


@router.post("/tokens", status_code=201)
def add_token(new: WantedToken, login: EngineerInPerson, clinic: ClinicPart) -> MadeToken:
    """Make a token; a token cannot make one."""
    made = clinic.tokens.add(name=new.name, role=new.role, days=new.days, by=login.name)
    return MadeToken(name=made.name, role=made.role, expires=made.expires, token=made.token)


@router.post("/tokens/{name}/revoke", status_code=204)
def revoke_token(name: str, login: EngineerInPerson, clinic: ClinicPart) -> None:
    """End a token at once."""
    clinic.tokens.revoke(name, by=login.name)


def _listed(row: TokenRow) -> ListedToken:
    facts = {name: getattr(row, name) for name in ListedToken.model_fields if name not in ("name", "role")}
    return ListedToken(name=short_name(row), role=Role(row.role), **facts)
