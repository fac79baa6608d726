"""What is printed of ten seconds: the paper, the statements, what was measured, and what a statement rests on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biosignal.ecg.leads import standard_name
from biosignal.events import Mark
from biosignal.model.model import Model
from biosignal.tasks.explained import Explained, explained
from biosignal.tasks.stated import statements_of
from biosignal.twelve_leads import Print, draw_twelve, shown_of, with_filled
from edge_agent.replay.cutting import samples_between
from edge_agent.sources.port import Source

MOST_PRINTS = 6
"""Ten seconds of which so many are printed; a longer recording has the first ones."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EcgPage:
    """Ten seconds on paper.

    Parameters
    ----------
    stated : as `statements_of` writes it.
    measured : as `measured_of` writes them, those of the same time.
    why : what the chosen statement rests on.
    """

    record: str
    first_s: float
    stated: Mapping[str, Any]
    measured: Sequence[Mapping[str, Any]]
    print_: Print
    why: Explained


def ecg_pages(
    marks: Sequence[Mark],
    measured: Sequence[Mapping[str, Any]],
    source: Source,
    *,
    rates: Mapping[str, float],
    models: Mapping[str, Model],
    recording: str,
    code: str | None,
    fill: bool = False,
) -> Iterator[EcgPage]:
    """Make the pages of the first marks that state.

    Parameters
    ----------
    rates : at which the samples of each task count.
    models : those that the analysis ran with, as `listening` made them.
    code : the statement that is explained; None: the one that each is called by.
    fill : whether what is missing is filled for the eye, hatched.

    Raises
    ------
    NoSuchStatement : no such statement is made.
    """
    facts = source.recording_facts()
    for mark in [one for one in marks if any(map(standard_name, one.leads))][:MOST_PRINTS]:
        fs_hz = rates[mark.task]
        range_s = (mark.start / fs_hz, mark.end / fs_hz)
        read_at = {lead.fs_hz for lead in facts.leads if lead.name in mark.leads}
        leads = [lead for lead in facts.leads if lead.fs_hz in read_at and standard_name(lead.name) is not None]
        samples = samples_between(
            source, [lead.name for lead in leads], fs_hz=fs_hz, range_s=range_s, recording=recording
        )
        why = explained(mark, models, code)
        shown = shown_of(leads, samples, fs_hz, why.leads)
        yield EcgPage(
            record=facts.name,
            first_s=range_s[0] + facts.first_sample / facts.fs_hz,
            stated=statements_of(mark, fs_hz),
            measured=[one for one in measured if one["from_s"] < range_s[1] and one["to_s"] > range_s[0]],
            print_=draw_twelve(with_filled(shown) if fill else shown),
            why=why,
        )
