"""What is said of the pulse: a mark for each wave that may be one, and how high it was."""

from biosignal.tasks.task import MarkKind, Quantity

NAME = "peripheral-pulse"
HEIGHT = "pulse_height"
WAVE = MarkKind(name="pulse-wave", label="pulse wave", plural="pulse waves", packed=False, line=None, numbers=(HEIGHT,))
QUANTITIES = {HEIGHT: Quantity(unit="1", decimals=4, label="height of the pulse wave, in the unit of its lead")}
