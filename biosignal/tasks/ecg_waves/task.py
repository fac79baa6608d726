"""The declaration of the waves."""

from biosignal.signal.blocks import LeadKind
from biosignal.tasks.ecg_waves.kinds import CONTRACT, NAME, P_WAVE, QRS_COMPLEX, QUANTITIES, T_WAVE, UNSEEN
from biosignal.tasks.ecg_waves.limits import WavesLimits
from biosignal.tasks.ecg_waves.stage import make_stage
from biosignal.tasks.task import Task, Wants

ECG_WAVES = Task(
    name=NAME,
    label="ECG waves",
    package="biosignal.tasks.ecg_waves",
    wants=Wants(kinds=(LeadKind.ECG,), fs_hz=(100.0, 1000.0), most=None, unknown=True),
    make=make_stage,
    model=CONTRACT,
    marks=(P_WAVE, QRS_COMPLEX, T_WAVE, UNSEEN),
    quantities=QUANTITIES,
    limits=WavesLimits,
)
