"""For engineers: webhooks, and what became of their messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from typing import Annotated, TypeAlias, cast

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, Field

from biosignal.events import Priority
from cloud_service.clinic.context import Engineer, EngineerInPerson
from cloud_service.webhooks.errors import NoSuchWebhook
from cloud_service.webhooks.hooks import MOST_NAMES, State, Wanted, Webhooks
from cloud_service.webhooks.line import DEAD, DELIVERED, WAITING
from cloud_service.webhooks.messages import Topic
from cloud_service.webhooks.receiver import LONGEST_URL

router = APIRouter(prefix="/webhooks", tags=["operations"])
Names: TypeAlias = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MOST_NAMES)]


class DeliveryState(str, Enum):
    """What became of a message."""

    WAITING = WAITING
    DELIVERED = DELIVERED
    DEAD = DEAD


class NewWebhook(BaseModel):
    """A webhook to make; an empty filter lets everything through."""

    name: str = Field(max_length=64)
    url: str = Field(max_length=LONGEST_URL)
    topics: Annotated[list[Topic], Field(max_length=8)] = []
    devices: Names = []
    priorities: Annotated[list[Priority], Field(max_length=8)] = []
    kinds: Names = []


class MadeWebhook(BaseModel):
    """A new webhook; the secret that signs its messages is shown this once."""

    name: str
    secret: str


class ListedWebhook(BaseModel):
    """A webhook without its secret. `why`: what went wrong last with a message that was not delivered."""

    name: str
    url: str
    topics: list[str]
    devices: list[str]
    priorities: list[str]
    kinds: list[str]
    made_by: str
    created: datetime
    ended: datetime | None
    waiting: int
    dead: int
    delivered: datetime | None
    why: str


class ListedWebhooks(BaseModel):
    """All webhooks there ever were, the newest first."""

    webhooks: list[ListedWebhook]


class Delivery(BaseModel):
    """A message, and how often it was tried."""

    topic: str
    device: str | None
    body: str
    created: datetime
    state: DeliveryState
    tries: int
    next_try: datetime
    ended: datetime | None
    why: str


class Deliveries(BaseModel):
    """Messages of a webhook, the newest first."""

    deliveries: list[Delivery]


class Resent(BaseModel):
    """How many messages are sent again."""

    messages: int


def webhooks_of(request: Request) -> Webhooks:
    """Find the webhooks of the clinic a request came to."""
    return cast(Webhooks, request.app.state.webhooks)


WebhooksPart: TypeAlias = Annotated[Webhooks, Depends(webhooks_of)]


@router.get("")
def webhooks(_login: Engineer, hooks: WebhooksPart) -> ListedWebhooks:
    """List the webhooks, with what became of their messages."""
    return ListedWebhooks(webhooks=[_listed(one) for one in hooks.states()])


@router.post("", status_code=201)
def add_webhook(new: NewWebhook, login: EngineerInPerson, hooks: WebhooksPart) -> MadeWebhook:
    """Make a webhook: what happens from now on is sent to its address, signed."""
    made = hooks.add(Wanted(**new.model_dump(mode="json")), by=login.name)
    return MadeWebhook(name=made.name, secret=made.secret)


@router.get("/{name}/deliveries")
def deliveries(
    name: str, _login: Engineer, hooks: WebhooksPart, state: DeliveryState | None = None, limit: int = 50
) -> Deliveries:
    """List messages of a webhook."""
    with _found():
        rows = hooks.deliveries(name, state=state.value if state else None, limit=max(1, min(limit, 200)))
    names = set(Delivery.model_fields) - {"device"}
    shown = [{one: getattr(row, one) for one in names} | {"device": row.device or None} for row in rows]
    return Deliveries(deliveries=[Delivery.model_validate(one) for one in shown])


@router.post("/{name}/test", status_code=202)
def test_webhook(name: str, login: EngineerInPerson, hooks: WebhooksPart) -> None:
    """Send a message that is about nothing."""
    with _found():
        hooks.test(name, by=login.name)


@router.post("/{name}/resend")
def resend(name: str, login: EngineerInPerson, hooks: WebhooksPart) -> Resent:
    """Take up all messages again that were given up."""
    with _found():
        return Resent(messages=hooks.resend(name, by=login.name))


@router.post("/{name}/end", status_code=204)
def end_webhook(name: str, login: EngineerInPerson, hooks: WebhooksPart) -> None:
    """Send nothing to it any more, for good."""
    with _found():
        hooks.end(name, by=login.name)


@contextmanager
def _found() -> Iterator[None]:
    """What is not there is answered as on every route."""
    try:
        yield
    except NoSuchWebhook as error:
        raise HTTPException(404, str(error)) from error


def _listed(one: State) -> ListedWebhook:
    facts = {name: getattr(one.row, name) for name in ListedWebhook.model_fields if hasattr(one.row, name)}
    state = {name: getattr(one, name) for name in ("waiting", "dead", "delivered", "why")}
    return ListedWebhook(**{**facts, **state})
