"""Whether anybody can have seen what a word is about: the clinic has the signal of a mark, as a strip or as waves."""

import math
from collections.abc import Iterable, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from cloud_service.clinic.evidence import NamedMark
from cloud_service.clinic.waves import Wave, shown_chunk, strip_wave
from cloud_service.database.event_tables import FindingRow, StripRow
from cloud_service.waves.archive import WaveArchive

BESIDE_S = 0.1
"""So far beside a mark a valid sample still shows it: a mark may stand on one that the source declared invalid."""


def is_in_sight(
    session: Session, archive: WaveArchive, finding: FindingRow, mark: NamedMark, *, end: int | None = None
) -> bool:
    """Say whether the clinic has valid samples of a lead of the mark, at the mark.

    Parameters
    ----------
    end : the last sample of a mark that is a stretch, at the finding's rate; None where it is not known, or a point.
    """
    fs_hz = float(finding.evidence.get("fs_hz") or 0.0)
    if not fs_hz > 0:
        return False
    from_s = mark.start / fs_hz - BESIDE_S
    to_s = max(mark.start, end if end is not None else mark.start) / fs_hz + BESIDE_S
    strips = _strips(session, finding, mark.leads)
    return any(_shows(wave, from_s, to_s) for wave in strips) or has_waves(
        archive, finding.device, finding.recording, mark.leads, from_s, to_s
    )


def has_waves(
    archive: WaveArchive, device: str, recording: str, leads: Iterable[str], from_s: float, to_s: float
) -> bool:
    """Say whether valid samples of seconds [from_s, to_s) of one of the leads are in the archive."""
    return any(
        _shows(shown_chunk(chunk), from_s, to_s)
        for lead in leads
        for chunk in archive.read(device, recording, lead, max(0.0, from_s), to_s)
    )


def _strips(session: Session, finding: FindingRow, leads: tuple[str, ...]) -> Iterator[Wave]:
    mine = (StripRow.finding == finding.id, StripRow.device == finding.device, StripRow.lead.in_(leads))
    for strip in session.scalars(select(StripRow).where(*mine)):
        wave = strip_wave(strip)
        if wave is not None:
            yield wave


def _shows(wave: Wave, from_s: float, to_s: float) -> bool:
    if not wave.fs_hz > 0:
        return False
    first = max(0, math.ceil(from_s * wave.fs_hz) - wave.start)
    last = max(0, math.floor(to_s * wave.fs_hz) + 1 - wave.start)
    return any(value is not None for value in wave.samples[first:last])
