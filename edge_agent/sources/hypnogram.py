"""Sleep stages as experts scored them, in a file of EDF+ annotations beside the recording.

Source: Kemp and Olivan 2003 (EDF+; doi 10.1016/S1388-2457(03)00123-8), "standard texts". Sleep-EDF names the file as
the recording, but for one letter of the person who scored it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edge_agent.sources.edf_layout import read_layout

_RECORDING = re.compile(r"(.*)\w-PSG", re.IGNORECASE)
_STAGE = re.compile(r"Sleep stage (.+)|(Movement time)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stretch of sleep: seconds since the first sample, its length, and the stage as the file writes it."""

    start_s: float
    for_s: float
    name: str


def hypnogram_beside(recording: Path) -> Path | None:
    """The file of stages that belongs to a recording; None where there is none."""
    match = _RECORDING.fullmatch(recording.stem)
    if match is None or not recording.parent.is_dir():
        return None
    pattern = re.compile(rf"{re.escape(match[1])}\w-Hypnogram\.edf", re.IGNORECASE)
    return next((file for file in sorted(recording.parent.iterdir()) if pattern.fullmatch(file.name)), None)


def read_stages(path: Path) -> list[Stage]:
    """Read a hypnogram, in the order of time; annotations that are no stage are left out.

    Raises
    ------
    RecordUnreadable : it is missing, no EDF, or torn.
    """
    found = []
    for start_s, for_s, text in read_layout(path, of_texts=True).annotations():
        match = _STAGE.fullmatch(text)
        if match is not None and for_s:
            found.append(Stage(start_s=start_s, for_s=for_s, name=match[1] or match[2]))
    return found


def seconds_by_stage(stages: list[Stage]) -> dict[str, float]:
    """How long each stage was, in seconds, by its name."""
    sums: dict[str, float] = {}
    for one in stages:
        sums[one.name] = sums.get(one.name, 0.0) + one.for_s
    return dict(sorted(sums.items()))
