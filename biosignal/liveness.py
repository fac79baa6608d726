"""How long what a device said is true: one rule for the device, which sends it, and for the clinic, which shows it."""

from biosignal.events import LoopStatus, Reading, Status


def valid_for_s(status: Status, reading: Reading) -> float:
    """For how many seconds after the status was sent a reading of it holds; 0 or less where it does not.

    Samples are the time: a reading holds until sample `until`. The newest sample came `sample_age_s` before the status
    was sent, so that the signal would be so much further by then, had it gone on. A status that does not say the age,
    of version 1, is taken to be as new as its sample. Of a device that is not online nothing holds.
    """
    if not status.online or not status.fs_hz or not reading.fs_hz > 0:
        return 0.0
    left_s = reading.until / reading.fs_hz - status.sample / status.fs_hz
    return left_s - (status.sample_age_s or 0.0)


def standing(status: Status) -> tuple[LoopStatus, ...]:
    """The threads and processes of a device that stand still, those that stand longest first."""
    return tuple(sorted((loop for loop in status.loops if loop.stands), key=lambda loop: -loop.age_s))
