"""Recordings of the EEG, real and made, and the pipeline that reads them."""

import os
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from biosignal.events import Series
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from edge_agent.sources.edf_record import EdfRecord

DATA = Path(os.environ.get("EDGE_DATA_DIR", "/nonexistent"))
needs_data = pytest.mark.skipif(not (DATA / "burst").is_dir(), reason="EDGE_DATA_DIR has no EEG")


@cache
def recorded(path):
    """Rate, names and samples (lead, sample) in uV of the EEG of an EDF file below the data folder."""
    blocks = [item for item in EdfRecord(DATA / path).read() if isinstance(item, SampleBlock)]
    rate = max({block.fs_hz for block in blocks}, key=[block.fs_hz for block in blocks].count)
    mine = [block for block in blocks if block.fs_hz == rate]
    rows = [row for row, lead in enumerate(mine[0].leads) if lead.kind is LeadKind.EEG]
    names = tuple(mine[0].leads[row].name for row in rows)
    return rate, names, np.concatenate([block.samples[rows] for block in mine], axis=1)


def with_needs(name):
    """A task and those it needs, those before it."""
    task = TASKS[name]
    return [*(one for need in task.needs for one in with_needs(need)), task]


def said(task, fs_hz, names, x, *, cut=None, gaps=(), limits=None, unit=Unit.MICROVOLT):
    """Everything a task says of EEG, shape (lead, sample); `gaps` are (sample, length) of the recording."""
    leads = tuple(Lead(name=name, unit=unit, kind=LeadKind.EEG) for name in names)
    pipeline = Pipeline(
        with_needs(task),
        Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads),
        models={},
        limits={} if limits is None else {task: limits},
    )
    x = np.asarray(x, np.float32)
    borders = sorted({0, x.shape[1], *(at for at, _ in gaps), *range(0, x.shape[1], cut or x.shape[1])})
    lengths, moved, events = dict(gaps), 0, []
    for first, last in pairwise(borders):
        if first in lengths:
            events += pipeline.push(Gap(recording="r", start=first + moved, length=lengths[first], reason="lost"))
            moved += lengths[first]
        block = SampleBlock(
            recording="r", start=first + moved, fs_hz=fs_hz, leads=leads, samples=x[:, first:last].copy()
        )
        events += pipeline.push(block)
    return [event for event in [*events, *pipeline.finish()] if getattr(event, "task", None) == task]


def column(events, quantity, leads):
    """Values of a quantity of these leads, in order of time."""
    series = sorted(
        (one for one in events if isinstance(one, Series) and one.leads == leads), key=lambda one: one.start
    )
    return [value for one in series for found in one.columns if found.quantity == quantity for value in found.values]
