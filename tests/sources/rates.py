"""Reading sources of one or several rates: every rate must go on where it ended, and in step with the others."""

import numpy as np

from biosignal.signal.blocks import Gap, SampleBlock
from edge_agent.sources.rates import leads_by_rate


def checked(source, items):
    """All items as a list, once it is certain that they follow each other; the first may begin anywhere."""
    facts = source.recording_facts()
    layouts = leads_by_rate(facts)
    items, ends = list(items), {}
    for item in items:
        rate = facts.fs_hz if isinstance(item, Gap) else item.fs_hz
        assert item.start == ends.get(rate, item.start)
        ends[rate] = item.end
        if isinstance(item, Gap):
            ends = {hz: round(item.end * hz / facts.fs_hz) for hz in layouts}
            continue
        assert item.leads == layouts[rate]
        assert item.length > 0
        if rate == facts.fs_hz:
            own_s = item.end / facts.fs_hz
        assert item.end / rate - own_s < 1 / rate + 1e-9
    return items


def by_lead(items):
    """All samples of each lead, by its name."""
    found = {}
    for item in items:
        if isinstance(item, SampleBlock):
            for lead, row in zip(item.leads, item.samples, strict=True):
                found.setdefault(lead.name, []).append(row)
    return {name: np.concatenate(rows) for name, rows in found.items()}
