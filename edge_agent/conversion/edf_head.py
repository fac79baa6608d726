"""The header of an EDF+ file, by the rules: US-ASCII, fields of fixed width.

Source: Kemp and Olivan 2003 (EDF+; doi 10.1016/S1388-2457(03)00123-8).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge_agent.conversion.edf_scale import EdfScale
from edge_agent.conversion.tracks import Run, Track
from edge_agent.sources.edf_description import MONTHS, NO_DAY
from edge_agent.sources.port import Remark

_SEX = re.compile(r"[MFX]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Frames a record, its length as the header says it, and the stretches of records that follow each other."""

    frames: int
    record_s: str
    stretches: tuple[tuple[int, tuple[Run, ...]], ...]  # first frame, and the runs that it holds

    def records(self, stretch: tuple[int, tuple[Run, ...]]) -> int:
        """Records of one stretch."""
        first, runs = stretch
        return max(1, -(-(runs[-1][1] - first) // self.frames))


@dataclass(frozen=True, kw_only=True, slots=True)
class Headed:
    """What the header says of patient and recording."""

    started: datetime | None
    patient: str
    recording: str
    remarks: tuple[Remark, ...]


def labels_of(tracks: Sequence[Track]) -> list[str]:
    """Names in US-ASCII and sixteen characters, each of them once."""
    labels: list[str] = []
    for track in tracks:
        plain = ascii_of(track.name).strip() or "signal"
        label = plain[:16].strip()
        number = 2
        while label in labels:
            tail = f"#{number}"
            label, number = plain[: 16 - len(tail)].strip() + tail, number + 1
        labels.append(label)
    return labels


def ascii_of(text: str) -> str:
    """A text in printable US-ASCII: accents are left out, signs without a likeness become `?`."""
    named = (
        text.replace("\N{DEGREE SIGN}", "deg").replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    )
    plain = unicodedata.normalize("NFKD", named)
    kept = (char for char in plain if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" else "?" for char in kept)


def header_of(
    tracks: Sequence[Track],
    layout: Layout,
    scales: Sequence[EdfScale],
    said: Headed,
    *,
    labels: Sequence[str],
    text_samples: int,
    records: int,
) -> bytes:
    """Write the header: its first part, and the part of each signal, the annotations as the last one."""
    signals = len(tracks) + 1
    begun = said.started
    date = NO_DAY if begun is None else f"{begun.day:02d}.{begun.month:02d}.{begun.year % 100:02d}"
    time = "00.00.00" if begun is None else f"{begun.hour:02d}.{begun.minute:02d}.{begun.second:02d}"
    kind = "EDF+C" if len(layout.stretches) == 1 else "EDF+D"
    fixed = [
        ("0", 8), (_patient(said.patient), 80), (_recording(said), 80), (date, 8), (time, 8),
        (str(256 * (signals + 1)), 8), (kind, 44), (str(records), 8), (layout.record_s, 8), (str(signals), 4),
    ]  # fmt: skip
    columns: list[tuple[list[Any], int]] = [
        ([*labels, "EDF Annotations"], 16),
        ([*(track.said.transducer for track in tracks), ""], 80),
        ([*(unit_of(track) for track in tracks), ""], 8),
        ([*(scale.physical[0] for scale in scales), "-1"], 8),
        ([*(scale.physical[1] for scale in scales), "1"], 8),
        ([*(scale.digital[0] for scale in scales), "-32768"], 8),
        ([*(scale.digital[1] for scale in scales), "32767"], 8),
        ([*(track.said.prefilter for track in tracks), ""], 80),
        ([*(track.per_frame * layout.frames for track in tracks), text_samples], 8),
        ([""] * signals, 32),
    ]
    out = [_field(text, width) for text, width in fixed]
    out += [_field(str(text), width) for texts_of, width in columns for text in texts_of]
    return b"".join(out)


def _field(text: str, width: int) -> bytes:
    return ascii_of(text)[:width].ljust(width).encode("ascii")


def unit_of(track: Track) -> str:
    """The unit as the header has it, nothing where nobody knows the scale."""
    return "" if track.said.unit_text in ("NU", "raw") else track.said.unit_text


def _patient(text: str) -> str:
    """A patient's field as EDF+ has it: code, sex, birthdate, name; other text goes into the name."""
    parts = ascii_of(text).split()
    if len(parts) >= 4 and _SEX.fullmatch(parts[1]):
        return " ".join(parts)
    return f"X X X {'_'.join(parts) or 'X'}"


def _recording(said: Headed) -> str:
    """A recording's field: start date, code, technician, equipment; other text goes into the equipment."""
    begun = said.started
    date = "X" if begun is None else f"{begun.day:02d}-{MONTHS[begun.month - 1]}-{begun.year}"
    parts = ascii_of(said.recording).split()
    if len(parts) >= 5 and parts[0] == "Startdate":
        return " ".join(["Startdate", date, *parts[2:]])
    return f"Startdate {date} X X {'_'.join(parts) or 'X'}"
