"""The declaration of the diagnosis."""

from biosignal.ecg.leads import INDEPENDENT
from biosignal.signal.blocks import LeadKind
from biosignal.tasks.ecg_diagnosis.kinds import CONTRACT, FINDINGS, NAME, QUANTITIES, REVIEW, TEN_SECONDS
from biosignal.tasks.ecg_diagnosis.limits import DiagnosisLimits
from biosignal.tasks.ecg_diagnosis.stage import make_stage
from biosignal.tasks.ecg_waves.kinds import NAME as ECG_WAVES
from biosignal.tasks.signal_quality.kinds import NAME as SIGNAL_QUALITY
from biosignal.tasks.task import Sees, Task, Wants

ECG_DIAGNOSIS = Task(
    name=NAME,
    label="Statements on ten seconds",
    package="biosignal.tasks.ecg_diagnosis",
    wants=Wants(kinds=(LeadKind.ECG,), fs_hz=(100.0, 1000.0), most=None, prefer=INDEPENDENT),
    needs=(SIGNAL_QUALITY,),
    hears=(ECG_WAVES,),
    make=make_stage,
    model=CONTRACT,
    sees=Sees(tensor="ecg", rows=INDEPENDENT),
    marks=(TEN_SECONDS,),
    findings=FINDINGS,
    quantities=QUANTITIES,
    limits=DiagnosisLimits,
    review=REVIEW,
)
