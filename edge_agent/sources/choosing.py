"""What a person says about the leads of a source: `--lead` and `analysis.lead`.

``II`` or ``1``: this lead goes before all others. ``RESP=ecg``: this lead is an ECG, whatever its name says; several
with commas between. ``each``: the leads are compared one by one. ``all`` or nothing: no lead is preferred. Which task
reads which lead is decided by `biosignal.stream.assign`.

A recording none of whose leads is called an ECG may have one among those whose names say nothing: `with_beating_leads`
looks which of them beat like one.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from biosignal.ecg.beating import beats_like_a_heart
from biosignal.errors import BadInput, listed
from biosignal.signal.blocks import Gap, Lead, LeadKind, Samples, Signal
from biosignal.signal.resampling import Resampler, ratio_to
from edge_agent.sources.port import LeadUnknown, Remark, Remarked, Seekable, Source, SourceFacts, SourceHealth

EACH, ALL = "each", "all"
PROBE_S = 10.0
PROBED_HZ = (100.0, 1000.0)


def preferred_lead(facts: SourceFacts, wanted: str | None) -> str | None:
    """Name of the lead that goes before all others in every task that can read it; None where none was named.

    Raises
    ------
    LeadUnknown : the source has no such lead; the message lists those it has, with their kinds.
    """
    names = [lead.name for lead in facts.leads]
    if not wanted or (wanted in (EACH, ALL) and wanted not in names):
        return None
    declared = _declared(facts, wanted)
    return names[next(iter(declared))] if declared else names[_index(facts, wanted)]


def compared_leads(facts: SourceFacts, wanted: str | None) -> tuple[int, ...]:
    """Indices of the leads that are compared one by one: all of them for ``each``, otherwise none."""
    is_name = any(lead.name == wanted for lead in facts.leads)
    return tuple(range(len(facts.leads))) if wanted == EACH and not is_name else ()


def with_kind(facts: SourceFacts, wanted: str | None) -> SourceFacts:
    """Facts in which the leads have the kinds that `wanted` declares (``NAME=KIND``); the same facts where it does not.

    Raises
    ------
    LeadUnknown : the source has no such lead. BadInput : there is no such kind.
    """
    declared = _declared(facts, wanted or "")
    leads = tuple(
        replace(lead, kind=declared[index]) if index in declared else lead for index, lead in enumerate(facts.leads)
    )
    return replace(facts, leads=leads) if declared else facts


def with_declared_kinds(source: Source, wanted: str | None) -> Source:
    """The source with the kinds that `wanted` declares in its facts and blocks; itself where it declares none.

    Raises
    ------
    LeadUnknown : the source has no such lead. BadInput : there is no such kind.
    """
    facts = source.recording_facts()
    said = with_kind(facts, wanted)
    return source if said is facts else _Declared(source, facts=said)


def with_beating_leads(source: Source) -> Source:
    """The recording with those anonymous leads as ECG that beat like one in its first ten seconds, and a note about it.

    Itself where it is live, a lead is an ECG by its name, not two are anonymous, or none of them beats.
    """
    facts = source.recording_facts()
    anonymous = [lead for lead in facts.leads if lead.kind is LeadKind.UNKNOWN]
    if facts.live or len(anonymous) < 2 or any(lead.kind is LeadKind.ECG for lead in facts.leads):
        return source
    heard = _first_seconds(source, {lead.name: lead.fs_hz or facts.fs_hz for lead in anonymous})
    beating = [name for name, (fs_hz, samples) in heard.items() if _beats(samples, fs_hz)]
    if not beating:
        return source
    others = [lead.name for lead in anonymous if lead.name not in beating]
    note = f"no lead is called an ECG: {listed(beating)} beats like one in the first {PROBE_S:g} s and is read as one"
    return _Declared(
        source,
        facts=replace(
            facts,
            leads=tuple(replace(lead, kind=LeadKind.ECG) if lead.name in beating else lead for lead in facts.leads),
            notes=(*facts.notes, f"{note}; not {listed(others)}" if others else note),
        ),
    )


def _beats(samples: Samples, fs_hz: float) -> bool:
    """Whether a lead beats, at its own rate or at one that the search for beats can read."""
    ratio = ratio_to(fs_hz, low_hz=PROBED_HZ[0], high_hz=PROBED_HZ[1])
    if ratio is not None:
        samples, fs_hz = Resampler(ratio, rows=1, start=0).push(samples[np.newaxis])[0], ratio.rate_of(fs_hz)
    return PROBED_HZ[0] <= fs_hz <= PROBED_HZ[1] and beats_like_a_heart(samples.astype(np.float64), fs_hz)


def _first_seconds(source: Source, rates_hz: dict[str, float]) -> dict[str, tuple[float, Samples]]:
    """The first seconds of the leads named, by name, with the rate of each; gaps are left out."""
    found: dict[str, list[Samples]] = {name: [] for name in rates_hz}
    own_hz = source.recording_facts().fs_hz
    own = 0
    for item in source.read():
        if isinstance(item, Gap):
            continue
        for lead, row in zip(item.leads, item.samples, strict=True):
            if lead.name in found:
                found[lead.name].append(row)
        own += item.length if item.fs_hz == own_hz else 0
        if own > (PROBE_S + 1) * own_hz:
            break
    joined = {name: np.concatenate(rows) for name, rows in found.items() if rows}
    return {name: (rates_hz[name], samples[: round(PROBE_S * rates_hz[name])]) for name, samples in joined.items()}


class _Declared:
    """A source some leads of which are of another kind than it says."""

    def __init__(self, source: Source, *, facts: SourceFacts) -> None:
        self._source = source
        self._facts = facts
        said = zip(source.recording_facts().leads, facts.leads, strict=True)
        self._leads: dict[Lead, Lead] = dict(said)

    def recording_facts(self) -> SourceFacts:
        """Facts with the kinds that were declared."""
        return self._facts

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._source.open(recording_id)

    def read(self) -> Iterator[Signal]:
        """Yield what the source does."""
        return self._said(self._source.read())

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield what the source does from `sample` on, or from its start where it cannot begin elsewhere."""
        source = self._source
        return self._said(source.read_from(sample) if isinstance(source, Seekable) else source.read())

    def close(self) -> None:
        """Make `read` end soon."""
        self._source.close()

    def health(self) -> SourceHealth:
        """State of the source."""
        return self._source.health()

    def remarks(self) -> list[Remark]:
        """What the file says in words; nothing where it says nothing."""
        return self._source.remarks() if isinstance(self._source, Remarked) else []

    def _said(self, items: Iterator[Signal]) -> Iterator[Signal]:
        for item in items:
            yield (
                item if isinstance(item, Gap) else replace(item, leads=tuple(self._leads[lead] for lead in item.leads))
            )


def _declared(facts: SourceFacts, wanted: str) -> dict[int, LeadKind]:
    """Kinds that were declared, by the index of the lead, in the order they were said."""
    if "=" not in wanted or any(lead.name == wanted for lead in facts.leads):
        return {}
    declared = {}
    for part in wanted.split(","):
        name, _, kind = part.rpartition("=")
        declared[_index(facts, name.strip())] = _kind(kind.strip().lower())
    return declared


def _kind(text: str) -> LeadKind:
    try:
        return LeadKind(text)
    except ValueError:
        kinds = ", ".join(kind.value for kind in LeadKind)
        raise BadInput("there is no such kind of lead", kind=text, remedy=f"one of {kinds}") from None


def _index(facts: SourceFacts, wanted: str) -> int:
    names = [lead.name for lead in facts.leads]
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    kinds = [f"{lead.name} ({lead.kind.value})" for lead in facts.leads]
    raise LeadUnknown("the record has no such lead", lead=wanted, leads=kinds)
