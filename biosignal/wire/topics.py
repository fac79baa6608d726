"""MQTT topics, built and parsed only here: ``bedside/v1/{site}/{device}/{up|down}/{kind}``."""

import re
from dataclasses import dataclass
from enum import Enum

from biosignal.errors import BadInput

ROOT = "bedside/v1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Direction(str, Enum):
    """Up is from the device to the clinic."""

    UP = "up"
    DOWN = "down"


class Channel(str, Enum):
    """Last level of a topic: what kind of payload to expect."""

    EVENT = "event"  # up: one durable envelope
    WAVE = "wave"  # up: one binary waveform frame, live, while watched
    STORED = "stored"  # up: one binary waveform frame that the device keeps; receipted by its `chunk_id`
    STATUS = "status"  # up: not durable; also birth and last will, retained
    RECEIPT = "receipt"  # down: what is committed
    COMMAND = "command"  # down: acknowledge, watch, new-model, ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """A parsed topic."""

    site: str
    device: str
    direction: Direction
    channel: Channel

    def __str__(self) -> str:
        return f"{ROOT}/{self.site}/{self.device}/{self.direction.value}/{self.channel.value}"


def is_name(text: str) -> bool:
    """Whether `text` can stand in a topic."""
    return _NAME.fullmatch(text) is not None


def checked_name(name: str, what: str) -> str:
    """Return `name` if it can stand in a topic.

    Raises
    ------
    BadInput : it is empty, longer than 64, or has other characters than letters, digits, ``_ . -``.
    """
    if not is_name(name):
        raise BadInput(f"{what} cannot stand in a topic", name=name, remedy="use letters, digits, `_`, `.` and `-`")
    return name


def up(site: str, device: str, channel: Channel) -> str:
    """Topic a device publishes to."""
    return str(Topic(site=site, device=device, direction=Direction.UP, channel=channel))


def down(site: str, device: str, channel: Channel) -> str:
    """Topic a device listens to."""
    return str(Topic(site=site, device=device, direction=Direction.DOWN, channel=channel))


def everything_down(site: str, device: str) -> str:
    """Filter for all a device may read."""
    return f"{ROOT}/{site}/{device}/{Direction.DOWN.value}/#"


def everything_up(site: str, device: str) -> str:
    """Filter for all a device may write."""
    return f"{ROOT}/{site}/{device}/{Direction.UP.value}/#"


def all_devices(channel: Channel, site: str = "+", group: str | None = None) -> str:
    """Filter the clinic subscribes to; with `group`, as a shared subscription."""
    plain = f"{ROOT}/{site}/+/{Direction.UP.value}/{channel.value}"
    return f"$share/{group}/{plain}" if group else plain


def parse(topic: str) -> Topic:
    """Take a topic apart.

    Raises
    ------
    BadInput : it is not one of ours.
    """
    root, _, rest = topic.partition(f"{ROOT}/")
    parts = rest.split("/")
    if root or len(parts) != 4:
        raise BadInput("not a topic of ours", topic=topic)
    try:
        return Topic(
            site=checked_name(parts[0], "site"),
            device=checked_name(parts[1], "device"),
            direction=Direction(parts[2]),
            channel=Channel(parts[3]),
        )
    except ValueError as error:
        raise BadInput("not a topic of ours", topic=topic) from error
