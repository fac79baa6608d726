"""The declaration of the signal quality."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.signal_quality.kinds import FINDINGS, NAME, QUANTITIES, SECOND
from biosignal.tasks.signal_quality.limits import QualityLimits
from biosignal.tasks.signal_quality.stage import make_stage
from biosignal.tasks.task import Task, Wants

SIGNAL_QUALITY = Task(
    name=NAME,
    label="Signal quality",
    package="biosignal.tasks.signal_quality",
    wants=Wants(
        kinds=(LeadKind.ECG, LeadKind.EOG, LeadKind.EMG, LeadKind.UNKNOWN),
        fs_hz=(50.0, float("inf")),
        per_lead=True,
    ),
    make=make_stage,
    marks=(SECOND,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=QualityLimits,
)
