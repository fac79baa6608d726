"""The declaration of the example."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.chart import Chart, Form
from biosignal.tasks.task import Task, Wants
from tests.tasks.example.kinds import (
    CALM,
    CONTRACT,
    EPOCH,
    FINDINGS,
    LIVELY,
    NAME,
    QUANTITIES,
    REVIEW,
    LivelinessLimits,
)
from tests.tasks.example.stage import make_stage

EXAMPLE = Task(
    name=NAME,
    label="Liveliness",
    package="tests.tasks.example",
    wants=Wants(kinds=(LeadKind.ECG,), fs_hz=(50.0, 2000.0), unknown=True),
    make=make_stage,
    model=CONTRACT,
    marks=(EPOCH,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=LivelinessLimits,
    review=REVIEW,
    charts=(
        Chart(
            name="course",
            label="Course of the liveliness",
            form=Form.STAGES,
            mark=EPOCH.name,
            labels=(LIVELY, CALM),
        ),
    ),
)
