"""What experts said of a record, read from the annotation file beside it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from biosignal.errors import BadInput
from biosignal.scoring.score import Annotations
from edge_agent.sources.excerpt import FIRST_SAMPLE_IN_208, Excerpt
from edge_agent.sources.port import Source, SourceFacts
from edge_agent.sources.resolve import Places
from edge_agent.sources.wfdb_annotations import Annotation, read_annotations


def read_truth(annotator: str, facts: SourceFacts, source: Source, places: Places) -> list[Annotation]:
    """Read the annotations of a record, in the order of their samples, counted as in what is replayed of it.

    Parameters
    ----------
    annotator : suffix of the file.
    facts : of what is replayed, which may be a stretch of the record.
    source : the whole record.

    Raises
    ------
    BadInput : there are none, or they cannot be read.
    """
    if isinstance(source, Excerpt):
        if places.data_dir is None:
            raise BadInput(
                "the excerpt's annotations are those of mitdb/208",
                remedy="set EDGE_DATA_DIR to the folder that holds mitdb/, or leave --truth out",
            )
        whole = read_annotations(places.data_dir / "mitdb" / f"208.{annotator}")
        found = _shifted(whole, FIRST_SAMPLE_IN_208)
    elif (own_truth := getattr(source, "annotations", None)) is not None:
        found = list(own_truth())
    elif facts.path is None:
        raise BadInput("this source has no annotations", record=facts.name, remedy="leave --truth out")
    else:
        path = Path(f"{facts.path}.{annotator}")
        found = read_annotations(path, at_hz=facts.fs_hz, counted_hz=facts.annotated_hz)
    if facts.first_sample:
        found = _shifted(found, facts.first_sample)
    # Some files of old are not in the order of their samples.
    return sorted(found, key=lambda one: one.sample)


def as_reference(found: Sequence[Annotation]) -> Annotations:
    """Give annotations in the form that scorers take."""
    return Annotations([one.sample for one in found], [one.symbol for one in found], [one.subtype for one in found])


def _shifted(annotations: list[Annotation], first: int) -> list[Annotation]:
    return [replace(one, sample=one.sample - first) for one in annotations if one.sample >= first]
