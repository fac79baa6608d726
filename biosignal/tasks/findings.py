"""The kinds of findings and the quantities they carry, each spelled once.

A `FindingKind` is one line of `KINDS`; a quantity is one line of `QUANTITIES` with the unit and the number of decimals
that its value is rounded to, so that a text which shows the value can be checked against it character by character.
"""

from dataclasses import dataclass

from biosignal.errors import BadInput
from biosignal.events import Measure, Priority


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingKind:
    """What a kind is called, how it alarms, and whether it speaks of the equipment instead of the patient."""

    label: str
    priority: Priority
    technical: bool = False


KINDS: dict[str, FindingKind] = {
    "pvc": FindingKind(label="premature ventricular beats", priority=Priority.NONE),
    "pvc-couplet": FindingKind(label="ventricular couplet", priority=Priority.LOW),
    "v-run": FindingKind(label="run of ventricular beats", priority=Priority.MEDIUM),
    "vt": FindingKind(label="ventricular tachycardia", priority=Priority.HIGH),
    "pause": FindingKind(label="pause", priority=Priority.MEDIUM),
    "asystole": FindingKind(label="asystole", priority=Priority.HIGH),
    "bradycardia": FindingKind(label="bradycardia", priority=Priority.MEDIUM),
    "tachycardia": FindingKind(label="tachycardia", priority=Priority.MEDIUM),
    "irregular": FindingKind(label="irregular rhythm", priority=Priority.LOW),
    "lead-off": FindingKind(label="lead off", priority=Priority.LOW, technical=True),
    "poor-signal": FindingKind(label="poor signal", priority=Priority.LOW, technical=True),
    "source-lost": FindingKind(label="signal source lost", priority=Priority.MEDIUM, technical=True),
    "backend-lost": FindingKind(label="beat classifier unavailable", priority=Priority.LOW, technical=True),
    "store-trouble": FindingKind(label="trouble storing data", priority=Priority.MEDIUM, technical=True),
    "overflow": FindingKind(label="samples dropped", priority=Priority.LOW, technical=True),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A measured quantity: its unit and the decimals it is rounded to and shown with."""

    unit: str
    decimals: int


QUANTITIES: dict[str, Quantity] = {
    "count": Quantity(unit="beats", decimals=0),
    "unclassified": Quantity(unit="beats", decimals=0),
    "heart_rate": Quantity(unit="/min", decimals=0),
    "lowest_rate": Quantity(unit="/min", decimals=0),
    "highest_rate": Quantity(unit="/min", decimals=0),
    "v_rate": Quantity(unit="/min", decimals=0),
    "rr_interval": Quantity(unit="s", decimals=2),
    "median_rr": Quantity(unit="s", decimals=2),
    "coupling_interval": Quantity(unit="s", decimals=2),
    "duration": Quantity(unit="s", decimals=1),
    "rr_change_share": Quantity(unit="%", decimals=0),
    "probability": Quantity(unit="1", decimals=2),
    "lost_samples": Quantity(unit="samples", decimals=0),
}


def measure(name: str, value: float) -> Measure:
    """Write a quantity down, rounded to what a text shows.

    Raises
    ------
    BadInput : `name` is not in `QUANTITIES`.
    """
    if name not in QUANTITIES:
        raise BadInput("unknown quantity", name=name, remedy="name it in QUANTITIES first")
    quantity = QUANTITIES[name]
    return Measure(name=name, value=round(float(value), quantity.decimals), unit=quantity.unit)


def shown(measure: Measure) -> str:
    """Write the number of a measure as every text shows it: fixed decimals, no unit."""
    decimals = QUANTITIES[measure.name].decimals if measure.name in QUANTITIES else 2
    return f"{measure.value:.{decimals}f}"
