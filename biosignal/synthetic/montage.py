"""Electrodes of the 10-20 system, where they lie, and what a channel's name means."""

from collections.abc import Mapping

from biosignal.errors import BadInput

POSITIONS: Mapping[str, tuple[float, float]] = {
    "Fpz": (0.0, 0.95),
    "Fp1": (-0.29, 0.90), "Fp2": (0.29, 0.90), "F7": (-0.77, 0.56), "F3": (-0.39, 0.52), "Fz": (0.0, 0.50),
    "F4": (0.39, 0.52), "F8": (0.77, 0.56), "T3": (-0.95, 0.0), "C3": (-0.48, 0.0), "Cz": (0.0, 0.0),
    "C4": (0.48, 0.0), "T4": (0.95, 0.0), "T5": (-0.77, -0.56), "P3": (-0.39, -0.52), "Pz": (0.0, -0.50),
    "P4": (0.39, -0.52), "T6": (0.77, -0.56), "O1": (-0.29, -0.90), "Oz": (0.0, -0.95), "O2": (0.29, -0.90),
    "E1": (-0.62, 0.98), "E2": (0.62, 0.98),
}  # fmt: skip
"""Seen from above on a head of radius 1: to the right, to the front."""
EYES = ("E1", "E2")
"""Electrodes beside the eyes: what is measured from them is an electrooculogram."""
SILENT = ("A1", "A2", "M1", "M2")
"""References on the ears, which see nothing here."""
REFERENTIAL = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T3", "T4", "T5", "T6", "Cz")
NIGHT = (
    "Fp1", "Fpz", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T3", "C3", "Cz", "C4", "T4", "T5", "P3", "Pz", "P4", "T6",
    "O1", "Oz", "O2", "E1-M2", "E2-M2",
)  # fmt: skip
SLEEP = ("F4-M1", "C4-M1", "O2-M1")
BIPOLAR = (
    "Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2",
    "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2",
)  # fmt: skip


def channel_electrodes(channel: str) -> tuple[str, str | None]:
    """Electrode and what it is measured against; None for the ears.

    Raises
    ------
    BadInput : no such electrode.
    """
    first, _, second = channel.partition("-")
    if first not in POSITIONS or (second and second not in POSITIONS and second not in SILENT):
        raise BadInput("no such EEG channel", channel=channel, remedy="such as `C3`, `C4-M1` or `Fp1-F7`")
    return first, second if second in POSITIONS else None


def spread(electrode: str, focus: str, width: float) -> float:
    """Share of what happens under `focus` that `electrode` sees: a Gaussian of the distance."""
    (x, y), (at_x, at_y) = POSITIONS[electrode], POSITIONS[focus]
    distance2 = (x - at_x) ** 2 + (y - at_y) ** 2
    return float(2.0 ** (-distance2 / width**2))
