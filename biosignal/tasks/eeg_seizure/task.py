"""The declaration of the seizure candidates."""

from biosignal.signal.blocks import LeadKind, Unit
from biosignal.tasks.eeg_quality.kinds import NAME as EEG_QUALITY
from biosignal.tasks.eeg_seizure.kinds import FINDINGS, NAME, PATTERN, QUANTITIES, REVIEW
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.overview import overview_of_seizures
from biosignal.tasks.eeg_seizure.stage import make_stage
from biosignal.tasks.task import Task, Wants

EEG_SEIZURE = Task(
    name=NAME,
    label="Seizure candidates",
    package="biosignal.tasks.eeg_seizure",
    wants=Wants(kinds=(LeadKind.EEG,), units=(Unit.MICROVOLT, Unit.MILLIVOLT), fs_hz=(100.0, 1000.0), most=None),
    needs=(EEG_QUALITY,),
    make=make_stage,
    marks=(PATTERN,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=SeizureLimits,
    review=REVIEW,
    overview=overview_of_seizures,
)
