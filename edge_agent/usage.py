"""What a command line may say: the error of one that is wrong, and words that are read as numbers."""

from biosignal.errors import BadInput

MOST_JOBS = 64


class UsageRefused(BadInput):
    """The command line itself is wrong."""


def jobs(text: str) -> int:
    """Read how many records are analysed at a time."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise UsageRefused(f"jobs are a number from 1 to {MOST_JOBS}", jobs=text, remedy="`--jobs 2`")
    return int(text)


def speed(text: str) -> float | None:
    """Read times real time; None for as fast as it goes."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageRefused("a speed is a number above 0, or `max`", speed=text, remedy="`--speed 10` or `--speed max`")
    return speed


def rate(text: str) -> float:
    """Read a sampling rate, in hertz."""
    try:
        fs_hz = float(text)
    except ValueError:
        fs_hz = 0.0
    if not 0 < fs_hz < float("inf"):
        raise UsageRefused("a rate is a number of hertz above 0", rate=text, remedy="`--fs 250`")
    return fs_hz


def time_of(text: str) -> float:
    """Seconds of ``SS``, ``MM:SS`` or ``HH:MM:SS``, the last with or without a fraction."""
    try:
        parts = [float(part) if index == 0 else int(part) for index, part in enumerate(reversed(text.split(":")))]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise UsageRefused("a time in a record reads MM:SS", time=text, remedy="`--from 12:30 --to 15:00`")
    return sum(part * 60.0**index for index, part in enumerate(parts))
