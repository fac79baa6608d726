"""The declaration of spindles and slow waves."""

from biosignal.signal.blocks import LeadKind, Unit
from biosignal.tasks.chart import Chart, Form
from biosignal.tasks.eeg_seconds import GRADED_BY
from biosignal.tasks.eeg_sleep.kinds import NAME as SLEEP
from biosignal.tasks.eeg_spindles.kinds import NAME, QUANTITIES, SLOW_WAVE, SLOW_WAVES, SPINDLE, SPINDLES
from biosignal.tasks.eeg_spindles.limits import SpindleLimits
from biosignal.tasks.eeg_spindles.stage import make_stage
from biosignal.tasks.task import Task, Wants

EEG_SPINDLES = Task(
    name=NAME,
    label="Spindles and slow waves",
    package="biosignal.tasks.eeg_spindles",
    wants=Wants(
        kinds=(LeadKind.EEG,),
        units=(Unit.MILLIVOLT, Unit.MICROVOLT),
        fs_hz=(100.0, 1000.0),
        most=None,
    ),
    needs=(GRADED_BY,),
    hears=(SLEEP,),
    make=make_stage,
    marks=(SPINDLE, SLOW_WAVE),
    quantities=QUANTITIES,
    limits=SpindleLimits,
    charts=(
        Chart(
            name="rates", label="Spindles and slow waves a minute", form=Form.LINES, quantities=(SPINDLES, SLOW_WAVES)
        ),
    ),
)
