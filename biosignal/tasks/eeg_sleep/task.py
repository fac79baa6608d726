"""The declaration of the stages of sleep."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.eeg_seconds import GRADED_BY
from biosignal.tasks.eeg_sleep.kinds import CHARTS, CONTRACT, EPOCH, FINDINGS, NAME, QUANTITIES, REVIEW
from biosignal.tasks.eeg_sleep.limits import SleepLimits
from biosignal.tasks.eeg_sleep.overview import overview_of_sleep
from biosignal.tasks.eeg_sleep.stage import make_stage
from biosignal.tasks.task import Task, Wants

EEG_SLEEP = Task(
    name=NAME,
    label="Sleep stages",
    package="biosignal.tasks.eeg_sleep",
    wants=Wants(kinds=(LeadKind.EEG,), fs_hz=(100.0, 1000.0), most=None),
    needs=(GRADED_BY,),
    make=make_stage,
    model=CONTRACT,
    marks=(EPOCH,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=SleepLimits,
    review=REVIEW,
    overview=overview_of_sleep,
    charts=CHARTS,
)
