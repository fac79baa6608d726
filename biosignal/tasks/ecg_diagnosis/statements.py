"""The statements the diagnosis makes, by their codes of SCP-ECG (EN 1064) as PTB-XL writes them, and the reviewer's key
of each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A statement: its code, what it means, and the key that says it."""

    code: str
    meaning: str
    key: str


SUPERCLASSES = (
    Statement(code="NORM", meaning="a normal ECG", key="n"),
    Statement(code="MI", meaning="myocardial infarction, of any age", key="m"),
    Statement(code="STTC", meaning="a change of ST segment or T wave", key="s"),
    Statement(code="CD", meaning="a disturbance of conduction", key="c"),
    Statement(code="HYP", meaning="hypertrophy or enlargement", key="h"),
)
"""What every record of the training set with a diagnosis has one or more of."""
RHYTHMS = (
    Statement(code="SR", meaning="sinus rhythm", key="r"),
    Statement(code="AFIB", meaning="atrial fibrillation", key="f"),
    Statement(code="STACH", meaning="sinus tachycardia", key="t"),
    Statement(code="SBRAD", meaning="sinus bradycardia", key="b"),
    Statement(code="SARRH", meaning="sinus arrhythmia", key="y"),
)
FORMS = (
    Statement(code="PVC", meaning="ventricular premature complexes", key="v"),
    Statement(code="PAC", meaning="atrial premature complexes", key="p"),
    Statement(code="ABQRS", meaning="an abnormal QRS", key="q"),
    Statement(code="QWAVE", meaning="Q waves", key="w"),
    Statement(code="VCLVH", meaning="voltages of left ventricular hypertrophy", key="l"),
    Statement(code="STD_", meaning="ST depression that is not specific", key="d"),
    Statement(code="LOWT", meaning="low T waves", key="o"),
    Statement(code="NT_", meaning="a change of the T wave that is not specific", key="j"),
)
CAUSES = (
    Statement(code="IMI", meaning="inferior myocardial infarction", key="i"),
    Statement(code="ASMI", meaning="anteroseptal myocardial infarction", key="a"),
    Statement(code="LVH", meaning="left ventricular hypertrophy", key="k"),
    Statement(code="LAFB", meaning="left anterior fascicular block", key="e"),
    Statement(code="IRBBB", meaning="incomplete right bundle branch block", key="g"),
    Statement(code="CRBBB", meaning="complete right bundle branch block", key="2"),
    Statement(code="CLBBB", meaning="complete left bundle branch block", key="3"),
    Statement(code="1AVB", meaning="first degree AV block", key="1"),
)
STATEMENTS = (*SUPERCLASSES, *RHYTHMS, *FORMS, *CAUSES)
"""With 40 records or more each in the folds that trained, and told better than by chance in folds kept out."""
UNDECIDED = Statement(code="no-statement", meaning="cannot be told", key="x")
