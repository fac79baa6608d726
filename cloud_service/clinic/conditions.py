"""Which alarms the clinic has to raise itself. Pure: what is known of beds and parts in, conditions out."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from biosignal.events import Priority

SILENT_AFTER_S = 10.0
"""A bed says how it is every second or two; so much longer without a word is not a lost message any more."""
BROKER_GONE_AFTER_S = 2.0
UNSTORED_AFTER_S = 10.0
"""What a device sends is committed within a second; a database that keeps it waiting for so long does not store."""
ANALYSIS = "analysis"
"""The part of a device without which nothing is found and no alarm is raised there."""
Key: TypeAlias = tuple[str, str]
"""Kind and device; the device is empty for what is about the clinic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClinicAlarmKind:
    """A kind of alarm of the clinic's own, as people read it."""

    name: str
    label: str
    priority: Priority


BED_SILENT = ClinicAlarmKind(name="bed-silent", label="bed silent: nothing is heard of it", priority=Priority.HIGH)
BED_STOPPED = ClinicAlarmKind(name="bed-stopped", label="monitoring stopped at the bed", priority=Priority.LOW)
BROKER_GONE = ClinicAlarmKind(name="broker-gone", label="broker gone: no bed is heard", priority=Priority.HIGH)
INGEST_STANDS = ClinicAlarmKind(
    name="ingest-standing", label="ingest stands still: nothing is stored", priority=Priority.HIGH
)
ANALYSIS_STANDS = ClinicAlarmKind(
    name="analysis-standing", label="analysis stands still: no alarm can come from this bed", priority=Priority.HIGH
)
PART_STANDS = ClinicAlarmKind(name="part-standing", label="a part stands still", priority=Priority.MEDIUM)
TWO_DEVICES = ClinicAlarmKind(name="two-devices", label="two devices under one name", priority=Priority.MEDIUM)
CERTIFICATE_ENDING = ClinicAlarmKind(
    name="clinic-certificate-ending", label="certificate of the clinic ends soon", priority=Priority.LOW
)
CLINIC_ALARMS = {
    kind.name: kind
    for kind in (
        *(BED_SILENT, BED_STOPPED, BROKER_GONE, INGEST_STANDS, ANALYSIS_STANDS, PART_STANDS, TWO_DEVICES),
        CERTIFICATE_ENDING,
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BedFacts:
    """What is known of a bed. Seconds are of the clinic's steady clock.

    `silent_s`: since it last said that it is there, or since the clinic began to listen; `heard`: it has said so since.
    `stopped`: it said goodbye. `standing`: parts of it that stand still, with their ages. `is_double`: two runs of a
    daemon speak in turn.
    """

    name: str
    silent_s: float
    heard: bool
    stopped: bool
    standing: tuple[tuple[str, float], ...] = ()
    is_double: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ClinicFacts:
    """What is known of the clinic's own parts. Seconds are of the steady clock.

    `broker_up_s` and `broker_down_s`: for how long the broker has been there or away; 0 else, both 0 where there is no
    broker to listen to. `ingest_why`: why the ingest thread does not come round. `unstored_s`: since a batch waits for
    its commit. `parts`: all other parts that stand still, with the reason. `certificates`: those that end
    soon, a sentence each.
    """

    beds: tuple[BedFacts, ...] = ()
    has_broker: bool = False
    broker_up_s: float = 0.0
    broker_down_s: float = 0.0
    broker_why: str = ""
    ingest_why: str = ""
    unstored_s: float = 0.0
    parts: tuple[tuple[str, str], ...] = ()
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Something that is wrong now, and why we think so."""

    kind: ClinicAlarmKind
    device: str
    why: str

    @property
    def key(self) -> Key:
        """What makes it the same condition as before."""
        return self.kind.name, self.device


def conditions(facts: ClinicFacts, held: Collection[Key]) -> dict[Key, Condition]:
    """Find what is wrong now; `held` names what was wrong a moment ago."""
    found = [*_of_clinic(facts), *(one for bed in facts.beds for one in _of_bed(bed, facts, held))]
    return {one.key: one for one in found}


def _of_clinic(facts: ClinicFacts) -> Iterator[Condition]:
    if facts.broker_down_s > BROKER_GONE_AFTER_S:
        yield Condition(kind=BROKER_GONE, device="", why=facts.broker_why or "it does not answer")
    if facts.ingest_why:
        yield Condition(kind=INGEST_STANDS, device="", why=facts.ingest_why)
    elif facts.unstored_s > UNSTORED_AFTER_S:
        yield Condition(kind=INGEST_STANDS, device="", why="the database has not taken what the beds sent")
    if facts.parts:
        yield Condition(kind=PART_STANDS, device="", why="; ".join(why for _, why in facts.parts))
    if facts.certificates:
        yield Condition(kind=CERTIFICATE_ENDING, device="", why="; ".join(facts.certificates))


def _of_bed(bed: BedFacts, facts: ClinicFacts, held: Collection[Key]) -> Iterator[Condition]:
    if bed.stopped:
        yield Condition(kind=BED_STOPPED, device=bed.name, why="the device said that it stops")
        return
    if _is_silent(bed, facts, (BED_SILENT.name, bed.name) in held):
        yield Condition(kind=BED_SILENT, device=bed.name, why="the device no longer says how it is")
        return
    if bed.is_double:
        yield Condition(kind=TWO_DEVICES, device=bed.name, why="two runs of a daemon speak in turn")
    for name, age_s in bed.standing:
        kind = ANALYSIS_STANDS if name == ANALYSIS else PART_STANDS
        yield Condition(kind=kind, device=bed.name, why=f"{name} last got on {age_s:.0f} s before the last status")


def _is_silent(bed: BedFacts, facts: ClinicFacts, was_silent: bool) -> bool:
    """Whether the silence is the bed's: while the broker is away nobody can be heard, and that is another alarm."""
    is_overdue = bed.silent_s > SILENT_AFTER_S
    if was_silent:
        return is_overdue or not bed.heard
    return is_overdue and (not facts.has_broker or facts.broker_up_s > SILENT_AFTER_S)
