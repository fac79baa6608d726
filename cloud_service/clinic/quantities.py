"""Numbers as pages show them: with the unit, the decimals and the name that their task declares."""

from pydantic import BaseModel

from biosignal.tasks import lookup

PLAIN_DECIMALS = 2
"""For a quantity that no task of this release declares."""


class Measure(BaseModel):
    """A number with its unit; `decimals` are shown, `label` is what people call it."""

    name: str
    value: float
    unit: str
    decimals: int
    label: str


def measure(name: str, value: float, unit: str | None = None) -> Measure:
    """Show a number; `unit` is that of the number itself where it brings one."""
    known = lookup.quantity(name)
    return Measure(
        name=name,
        value=value,
        unit=unit if unit is not None else unit_of(name),
        decimals=known.decimals if known else PLAIN_DECIMALS,
        label=label_of(name),
    )


def label_of(name: str) -> str:
    """What people call a quantity."""
    known = lookup.quantity(name)
    return (known.label if known else "") or name.replace("_", " ").replace("-", " ")


def unit_of(name: str) -> str:
    """Unit of a quantity; empty where nobody declares it."""
    known = lookup.quantity(name)
    return known.unit if known else ""


def decimals_of(name: str) -> int:
    """Decimals that a quantity is shown with."""
    known = lookup.quantity(name)
    return known.decimals if known else PLAIN_DECIMALS
