"""What the API answers when something is wrong: a sentence and what to try, and nothing of what was sent."""

import re

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from biosignal.errors import BadInput, BedsideError, RefusedForSafety
from cloud_service.access.errors import Busy, LoginFailed, NameTaken, TooManyFailures, TooManyQuestions, WrongPassword

MOST_NAMED = 10
_FIELD = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_STATUS: tuple[tuple[type[BedsideError], int], ...] = (
    (TooManyFailures, 429),
    (TooManyQuestions, 429),
    (Busy, 503),
    (LoginFailed, 401),
    (WrongPassword, 403),
    (NameTaken, 409),
    (BadInput, 400),
    (RefusedForSafety, 409),
)


async def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer with an error of ours."""
    assert isinstance(error, BedsideError)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = None
    if isinstance(error, (TooManyFailures, TooManyQuestions, Busy)):
        headers = {"Retry-After": str(int(error.retry_after_s) + 1)}
    return JSONResponse({"detail": str(error), "try": error.advice}, status_code=status, headers=headers)


async def answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Answer 422 with the places that are wrong and why; the values, a password among them, stay out of it."""
    assert isinstance(error, RequestValidationError)
    detail = [
        {"loc": [_named(part) for part in one["loc"]], "msg": _sentence(one), "type": one["type"]}
        for one in error.errors()[:MOST_NAMED]
    ]
    return JSONResponse({"detail": detail, "try": "send what the API describes"}, status_code=422)


def _named(part: object) -> object:
    """A place: fields of ours are words; a key that somebody made up may be anything."""
    return part if isinstance(part, int) or _FIELD.fullmatch(str(part)) else "?"


def _sentence(one: dict[str, object]) -> str:
    """Pydantic's own sentences name what was expected; those of our checks and of the JSON reader may quote."""
    return "the value is not accepted" if one["type"] in ("value_error", "assertion_error") else str(one["msg"])
