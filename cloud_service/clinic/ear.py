"""When each bed was last heard, and whether it is one device that speaks; steady clock, nothing stored."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from biosignal import events as wire
from biosignal.errors import BadInput
from biosignal.liveness import standing
from biosignal.wire.codec import from_json
from cloud_service.clinic.conditions import BedFacts
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.ingest.presence import Presence, is_goodbye

DOUBLE_FOR_S = 60.0
"""Two daemons that speak in turn do so every few seconds; a minute after the last turn one of them has gone."""


@dataclass(slots=True)
class _Bed:
    """What was heard of one device. `at` is when it last said that it is there, or when we began to listen."""

    at: float
    heard: bool = False
    stopped: bool = False
    status: dict[str, Any] | None = None
    seen_in_table: object = None
    boots: dict[str, float] = field(default_factory=dict)
    turned: float | None = None


class Ear:
    """Takes every status from any thread, and the table of devices for those that other processes hear."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beds: dict[str, _Bed] = {}
        self._lock = threading.Lock()

    def heard(self, presence: Presence) -> None:
        """Note a status. One that the broker had kept is no sign of life."""
        if not presence.fresh:
            return
        now_s = self._clock()
        with self._lock:
            bed = self._beds.setdefault(presence.device, _Bed(at=now_s))
            if presence.online:
                self._note_boot(bed, str(presence.status.get("boot", "")), now_s)
                bed.at, bed.heard, bed.stopped, bed.status = now_s, True, False, presence.status
            elif is_goodbye(bed.status, presence.status):
                bed.stopped = True

    def facts(self, rows: Iterable[DeviceRow]) -> tuple[BedFacts, ...]:
        """Give what is known of each device that ever spoke and was not shut out."""
        now_s = self._clock()
        with self._lock:
            return tuple(self._facts(row, now_s) for row in rows if row.last_seen is not None and row.revoked is None)

    def _facts(self, row: DeviceRow, now_s: float) -> BedFacts:
        bed = self._beds.setdefault(row.name, _Bed(at=now_s, seen_in_table=row.last_seen, status=row.status))
        if bed.seen_in_table != row.last_seen:
            # the first look shows when it was seen before; a later change shows that another process heard it
            if bed.seen_in_table is not None:
                bed.at, bed.heard, bed.status = max(bed.at, now_s), True, row.status
            bed.seen_in_table = row.last_seen
        return BedFacts(
            name=row.name,
            silent_s=now_s - bed.at,
            heard=bed.heard,
            stopped=bed.stopped or (row.said_goodbye is not None and not bed.heard),
            standing=_standing(bed.status) if bed.heard else (),
            is_double=bed.turned is not None and now_s - bed.turned < DOUBLE_FOR_S,
        )

    def _note_boot(self, bed: _Bed, boot: str, now_s: float) -> None:
        if not boot:
            return
        bed.boots = {name: at for name, at in bed.boots.items() if now_s - at < DOUBLE_FOR_S}
        newest = max(bed.boots, key=lambda name: bed.boots[name], default=boot)
        if boot in bed.boots and newest != boot:  # a run that had been followed by another speaks again
            bed.turned = now_s
        bed.boots[boot] = now_s


def _standing(status: dict[str, Any] | None) -> tuple[tuple[str, float], ...]:
    if status is None:
        return ()
    try:
        return tuple((loop.name, loop.age_s) for loop in standing(from_json(wire.Status, status)))
    except BadInput:
        return ()
