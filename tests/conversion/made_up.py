"""Recordings that exist nowhere, as sources; and what a file holds, as plain arrays."""

import io
from pathlib import Path

import numpy as np

from biosignal.signal.blocks import Gap, Lead, SampleBlock
from edge_agent.conversion.convert import ConvertRequest, convert_source
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.port import Description, LeadDescription, Scale, SourceFacts
from edge_agent.sources.rates import goes_on_at
from edge_agent.sources.resolve import Places, resolve
from edge_agent.sources.wfdb_header import known_unit

PLACES = Places(data_dir=None, cache_dir=Path("/nonexistent"), index_url="http://127.0.0.1:9/")


class MadeUp:
    """A recording of `leads` (name, unit, rate, step, counts by run) whose runs begin at `begins`, at its own rate."""

    def __init__(self, leads, begins, *, fs_hz, remarks=(), started=None, texts=(), path=None, length=None):
        self.facts = SourceFacts(
            name="made-up",
            leads=tuple(
                Lead(
                    name=name,
                    unit=known_unit(unit)[0],
                    kind=kind_of(name, unit),
                    fs_hz=None if rate_hz == fs_hz else rate_hz,
                )
                for name, unit, rate_hz, _, _ in leads
            ),
            fs_hz=fs_hz,
            live=False,
            content_hash="made-up",
            path=path,
            length=length,
        )
        self._leads, self._begins, self._remarks = leads, begins, remarks
        self._said = Description(
            leads=tuple(
                LeadDescription(unit_text=unit, scale=Scale(step=step), transducer="", prefilter="")
                for _, unit, _, step, _ in leads
            ),
            started=started,
            texts=tuple(texts),
        )

    def recording_facts(self):
        return self.facts

    def description(self):
        return self._said

    def remarks(self):
        return list(self._remarks)

    def open(self, recording_id):
        pass

    def close(self):
        pass

    def read(self):
        at = 0
        rates = {lead.fs_hz or self.facts.fs_hz: None for lead in self.facts.leads}
        for run, begin in enumerate(self._begins):
            if begin > at:
                yield Gap(recording="", start=at, length=begin - at, reason="made up")
            for rate_hz in dict.fromkeys([self.facts.fs_hz, *rates]):
                rows = [
                    (lead, one) for lead, one in zip(self.facts.leads, self._leads, strict=True) if one[2] == rate_hz
                ]
                samples = np.stack([one[4][run] * one[3] for _, one in rows]).astype(np.float32)
                block = SampleBlock(
                    recording="",
                    start=goes_on_at(begin, self.facts.fs_hz, rate_hz),
                    fs_hz=rate_hz,
                    leads=tuple(lead for lead, _ in rows),
                    samples=samples,
                )
                at = block.end if rate_hz == self.facts.fs_hz else at
                yield block
        if self.facts.length is not None and self.facts.length > at:
            yield Gap(recording="", start=at, length=self.facts.length - at, reason="made up")


def converted(source, out, **flags):
    """Convert a source, or the file of that name, to `out`: (what was printed)."""
    whole = resolve(str(source), PLACES) if isinstance(source, str | Path) else source
    stdout = io.StringIO()
    convert_source(whole, ConvertRequest(record="", out=out, **flags), stdout=stdout, stderr=io.StringIO())
    return stdout.getvalue()


def held(file):
    """What a file holds: its source, and by lead (rate, samples with NaN in gaps); and the gaps in seconds."""
    source = resolve(str(file), PLACES)
    facts = source.recording_facts()
    signals = {lead.name: np.full(0, np.nan, np.float32) for lead in facts.leads}
    gaps = []
    for item in source.read():
        if isinstance(item, Gap):
            gaps.append((item.start, item.length))
            continue
        for lead, row in zip(item.leads, item.samples, strict=True):
            short = item.start - signals[lead.name].size
            signals[lead.name] = np.concatenate([signals[lead.name], np.full(short, np.nan, np.float32), row])
    return source, signals, gaps
