"""The declaration of the trends of the EEG."""

from biosignal.signal.blocks import LeadKind, Unit
from biosignal.tasks.eeg_seconds import GRADED_BY
from biosignal.tasks.eeg_trend.kinds import BURST, FINDINGS, NAME, QUANTITIES
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from biosignal.tasks.eeg_trend.overview import overview
from biosignal.tasks.eeg_trend.stage import make_stage
from biosignal.tasks.task import Task, Wants

EEG_TREND = Task(
    name=NAME,
    label="EEG trends",
    package="biosignal.tasks.eeg_trend",
    wants=Wants(
        kinds=(LeadKind.EEG,),
        units=(Unit.MILLIVOLT, Unit.MICROVOLT),
        fs_hz=(100.0, 1000.0),
        most=None,
    ),
    needs=(GRADED_BY,),
    make=make_stage,
    marks=(BURST,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=EegTrendLimits,
    overview=overview,
)
