"""What is said of spindles and slow waves."""

from biosignal.events import Prediction
from biosignal.tasks.finding_log import by_rule as said_by_rule
from biosignal.tasks.quantities import USABLE_SHARE
from biosignal.tasks.task import MarkKind, Quantity

NAME = "eeg-spindles"
RULES = "eeg-spindle-rules/1"
AMPLITUDE, FREQUENCY = "peak_to_peak_uv", "spindle_frequency"
SPINDLE = MarkKind(name="sleep-spindle", label="spindle", plural="spindles", numbers=(AMPLITUDE, FREQUENCY))
SLOW_WAVE = MarkKind(name="slow-wave", label="slow wave", plural="slow waves", numbers=(AMPLITUDE,))
SPINDLES, SLOW_WAVES, USABLE = "spindles_per_min", "slow_waves_per_min", "usable_share"
RATES = (SPINDLES, SLOW_WAVES, USABLE)
QUANTITIES = {
    AMPLITUDE: Quantity(unit="uV", decimals=0, label="peak to peak"),
    FREQUENCY: Quantity(unit="Hz", decimals=1, label="frequency of the spindle"),
    SPINDLES: Quantity(unit="/min", decimals=1, label="spindles"),
    SLOW_WAVES: Quantity(unit="/min", decimals=1, label="slow waves"),
    USABLE: USABLE_SHARE,
}


def by_rule(kind: MarkKind) -> Prediction:
    """Say that a rule over measured waves said so."""
    return said_by_rule(NAME, RULES, kind.label)
