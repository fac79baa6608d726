"""The border of all that is read: JSON in UTF-8, with text and numbers that every database can hold.

Python reads more than JSON allows, and SQL holds less: half of a surrogate pair ends the writing of a file, a NUL the
writing of a row, a number beyond all bounds the sum over it. They are refused here, once, so that nothing behind this
border needs to think of them.
"""

import json
import math
from typing import Any, NoReturn

from biosignal.errors import BadInput

MOST_DEPTH = 64
"""How deep values may be nested. Ours are six deep; a reader that recurses must not be brought to its knees."""
_INT_BITS = 63


def read_text(payload: bytes) -> Any:
    """Read JSON.

    Raises
    ------
    BadInput : not UTF-8, not JSON, or with text that cannot be kept.
    """
    try:
        text = payload.decode("utf-8")
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadInput("a message is not JSON", length=len(payload)) from error
    # Only an escape can bring what is refused below: raw, neither is UTF-8 and JSON.
    if "\\u0000" in text or "\\ud" in text or "\\uD" in text:
        check_text(document)
    return document


def check_text(document: Any) -> None:
    """Refuse JSON values that cannot be kept.

    Raises
    ------
    BadInput : a NUL, half of a surrogate pair, a number that is not finite or needs more than 64 bits, or values
        nested too deep.
    """
    waiting = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            _check_string(value)
        elif isinstance(value, (int, float)):
            _check_number(value)
        elif isinstance(value, (dict, list, tuple)):
            if depth == MOST_DEPTH:
                raise BadInput("a message is nested too deep", most=MOST_DEPTH)
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            waiting.extend((part, depth + 1) for part in parts)


def _check_string(value: str) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadInput("a message holds text that cannot be kept: a NUL or half of a surrogate pair", text=value[:32])


def _check_number(value: float) -> None:
    if isinstance(value, int):
        if value.bit_length() > _INT_BITS:
            raise BadInput("a message holds a number of more than 64 bits")
    elif not math.isfinite(value):
        raise BadInput("a message holds a number that JSON cannot write")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
