"""Quantities that more than one task measures, each spelled once."""

from biosignal.tasks.task import Quantity

DURATION = Quantity(unit="s", decimals=1)
SIGNAL = Quantity(unit="", decimals=0, label="signal quality")
USABLE_SHARE = Quantity(unit="1", decimals=4, label="usable signal")
