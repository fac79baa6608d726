"""Several events in one message, as a JSON text sequence (RFC 7464): RS before each, LF behind it.

An RS cannot stand in JSON, so that an event that cannot be read leaves its neighbours whole. A message without an RS at
its beginning is one event, as it always was.
"""

from collections.abc import Iterable

from biosignal.errors import BadInput

MOST_EVENTS = 256
"""How many events a message may hold."""
MOST_BYTES = 1 << 17
"""How long a sender lets a message of several events grow; a longer event travels alone."""
_RS, _LF = b"\x1e", b"\n"


def join(payloads: Iterable[bytes]) -> bytes:
    """Put encoded events into one message; one alone stays as it is."""
    parts = list(payloads)
    return parts[0] if len(parts) == 1 else b"".join(_RS + part + _LF for part in parts)


def count(message: bytes) -> int:
    """How many events a message holds, or says that it holds."""
    return message.count(_RS) if message.startswith(_RS) else 1


def split(message: bytes) -> list[bytes]:
    """Give the encoded events of a message, in order; none of them is read.

    Raises
    ------
    BadInput : more events than a message may hold, or bytes in which nothing stands.
    """
    if not message.startswith(_RS):
        return [message]
    if count(message) > MOST_EVENTS:
        raise BadInput("a message holds too many events", events=count(message), most=MOST_EVENTS)
    parts = [part.removesuffix(_LF) for part in message.split(_RS)[1:]]
    if not all(parts):
        raise BadInput("a message of several events has an empty place", events=len(parts))
    return parts
