"""The border of all that is read: JSON in UTF-8, with text and numbers that every database can hold.

Python reads more than JSON allows, and SQL holds less: half of a surrogate pair ends the writing of a file, a NUL the
writing of a row, a number beyond all bounds the sum over it; a control character moves the cursor of whoever looks at
it in a terminal, or turns the order in which it is read. They are refused here, once, so that nothing behind this
border needs to think of them.
"""

import json
import math
import re
from typing import Any, NoReturn

from biosignal.errors import BadInput

MOST_DEPTH = 64
"""How deep values may be nested. Ours are six deep; a reader that recurses must not be brought to its knees."""
LONGEST_TEXT = 8192
"""Characters of one text. Ours have a few hundred; samples and tensors travel as base64, which is not text."""
_INT_BITS = 63
_CONTROLS = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_ESCAPE = re.compile(r"\\u(?:00[0189][0-9a-f]|007f|d|20[26])|\\[bf]", re.IGNORECASE)
"""Escapes behind which there may be something that is refused; a backslash before it is no matter, we look closer."""


def read_text(payload: bytes) -> Any:
    """Read JSON.

    Raises
    ------
    BadInput : not UTF-8, not JSON, with text that cannot be kept, or with control characters.
    """
    try:
        text = payload.decode("utf-8")
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadInput("a message is not JSON", length=len(payload)) from error
    # Raw, only text beyond ASCII can hold what is refused below: the rest is no UTF-8 and JSON.
    if _ESCAPE.search(text) or (_CONTROL.search(text) if not text.isascii() else "\x7f" in text):
        check_text(document, controls=True)
    return document


def without_controls(value: Any) -> Any:
    """Put a replacement character in the place of each control character, as a sender does with words not its own."""
    if isinstance(value, str):
        return _CONTROL.sub("\ufffd", value)
    if isinstance(value, dict):
        return {without_controls(key): without_controls(part) for key, part in value.items()}
    return [without_controls(part) for part in value] if isinstance(value, list) else value


def may_need_a_look(text: str) -> bool:
    """Whether a text of JSON with all beyond ASCII escaped may hold what cannot be kept, or control characters."""
    return _ESCAPE.search(text) is not None or "\x7f" in text


def check_text(document: Any, *, controls: bool = False) -> None:
    """Refuse JSON values that cannot be kept.

    Raises
    ------
    BadInput : a NUL, half of a surrogate pair, a number that is not finite or needs more than 64 bits, or values
        nested too deep; with `controls`, also a control character other than tab and line end.
    """
    waiting = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            _check_string(value, controls=controls)
        elif isinstance(value, (int, float)):
            _check_number(value)
        elif isinstance(value, (dict, list, tuple)):
            if depth == MOST_DEPTH:
                raise BadInput("a message is nested too deep", most=MOST_DEPTH)
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            waiting.extend((part, depth + 1) for part in parts)


def _check_string(value: str, *, controls: bool) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadInput("a message holds text that cannot be kept: a NUL or half of a surrogate pair", text=value[:32])
    if controls and _CONTROL.search(value):
        raise BadInput("a message holds control characters", text=_CONTROL.sub("\ufffd", value)[:32])


def _check_number(value: float) -> None:
    if isinstance(value, int):
        if value.bit_length() > _INT_BITS:
            raise BadInput("a message holds a number of more than 64 bits")
    elif not math.isfinite(value):
        raise BadInput("a message holds a number that JSON cannot write")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
