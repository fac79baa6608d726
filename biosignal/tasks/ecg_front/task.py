"""The declaration of the front end."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.ecg_front.kinds import CONTRACT, FINDINGS, FITNESS, NAME, QRS, QUANTITIES
from biosignal.tasks.ecg_front.limits import FrontLimits
from biosignal.tasks.ecg_front.stage import make_stage
from biosignal.tasks.peripheral_pulse.kinds import NAME as PERIPHERAL_PULSE
from biosignal.tasks.task import Task, Wants

ECG_FRONT = Task(
    name=NAME,
    label="ECG front end",
    package="biosignal.tasks.ecg_front",
    wants=Wants(kinds=(LeadKind.ECG,), fs_hz=(100.0, 1000.0), most=None, unknown=True),
    hears=(PERIPHERAL_PULSE,),
    make=make_stage,
    model=CONTRACT,
    marks=(QRS, FITNESS),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=FrontLimits,
)
