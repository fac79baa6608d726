"""The declaration of the peripheral pulse."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.peripheral_pulse.kinds import NAME, QUANTITIES, WAVE
from biosignal.tasks.peripheral_pulse.stage import make_stage
from biosignal.tasks.task import Task, Wants

PERIPHERAL_PULSE = Task(
    name=NAME,
    label="Peripheral pulse",
    package="biosignal.tasks.peripheral_pulse",
    wants=Wants(kinds=(LeadKind.PLETH, LeadKind.PRESSURE), fs_hz=(50.0, 1000.0), per_lead=True),
    make=make_stage,
    marks=(WAVE,),
    quantities=QUANTITIES,
)
