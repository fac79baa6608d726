"""How a task wants what it says over time to be drawn: one chart a view of its series or marks.

A quantity that no chart names is drawn as a line anyway; a chart is declared where the field has a form of its own.
"""

from dataclasses import dataclass
from enum import Enum


class Form(str, Enum):
    """The forms that a chart can have.

    ``lines``: quantities over time, one line each.
    ``margins``: a lower and an upper margin with the band between them, linear from 0 to 10 and logarithmic from there
    to 100, as the amplitude-integrated EEG is drawn (Hellström-Westas 2006, doi:10.1542/neo.7-2-e76).
    ``array``: a colour for each quantity at each step, the quantities being places on an axis, as a density spectral
    array.
    ``stages``: which of some states held when, on a row each, as a hypnogram.
    """

    LINES = "lines"
    MARGINS = "margins"
    ARRAY = "array"
    STAGES = "stages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """One view of what a task says over time.

    Parameters
    ----------
    name : unique within the task.
    label : what people read above it.
    form : how it is drawn.
    quantities : columns of the task's series that it shows. ``margins``: the lower, then the upper one. ``array``: as
        many as `axis`. ``stages``: the scores of `labels`, in their order, or none where `mark` says the stage.
    axis, axis_unit : where each quantity of an ``array`` lies, ascending, and the unit of that axis, such as Hz.
    mark : the kind of mark whose label says the stage; empty: the largest of `quantities` does.
    labels : the states of ``stages``, the one drawn on top first.
    awake : those of `labels` that are not sleep. Where there are some, the night is summed up beside the chart.
    """

    name: str
    label: str
    form: Form
    quantities: tuple[str, ...] = ()
    axis: tuple[float, ...] = ()
    axis_unit: str = ""
    mark: str = ""
    labels: tuple[str, ...] = ()
    awake: tuple[str, ...] = ()
