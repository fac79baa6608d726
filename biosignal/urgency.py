"""The order of alarms in every list: one rule for the device and for the clinic."""

from biosignal.events import AlarmState, Priority

_STATES = (
    AlarmState.ACTIVE,
    AlarmState.LATCHED,
    AlarmState.AUDIO_PAUSED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.RESOLVED,
)
_PRIORITIES = (Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.NONE)


def urgency(state: AlarmState, priority: Priority, age_s: float) -> tuple[int, int, float]:
    """Give the key by which alarms are sorted, the most urgent first.

    What nobody has answered goes first: an alarm that is signalled, then one that is latched, whose condition is gone
    and which nobody has seen; then what a person has silenced, then what a person has acknowledged. Among these the
    higher priority goes first. Among equals the newest goes first, by `age_s` seconds since it was raised: the older
    ones have been on the screen already, and a list that is cut short must not hide the one that has just begun.
    """
    return _STATES.index(state), _PRIORITIES.index(priority), age_s
