"""The declaration of the quality of the EEG."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.eeg_quality.kinds import BRIDGE, FINDINGS, NAME, QUANTITIES, SECOND
from biosignal.tasks.eeg_quality.limits import EegQualityLimits
from biosignal.tasks.eeg_quality.stage import make_stage
from biosignal.tasks.task import Task, Wants

EEG_QUALITY = Task(
    name=NAME,
    label="Quality of the EEG",
    package="biosignal.tasks.eeg_quality",
    wants=Wants(kinds=(LeadKind.EEG,), fs_hz=(50.0, 4096.0), most=None),
    make=make_stage,
    marks=(SECOND, BRIDGE),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=EegQualityLimits,
)
