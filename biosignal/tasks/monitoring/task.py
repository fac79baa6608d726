"""The declaration of what the daemon says of itself. It has no stage: the daemon's parts report it."""

from biosignal.events import Priority
from biosignal.tasks.task import FindingKind, Quantity, Task, Wants

MONITORING = Task(
    name="monitoring",
    label="Monitoring itself",
    package="biosignal.tasks.monitoring",
    wants=Wants(),
    make=None,
    findings={
        "source-lost": FindingKind(
            label="signal source lost", priority=Priority.MEDIUM, technical=True, escalate_s=120.0, strip=None
        ),
        "backend-lost": FindingKind(label="classifier unavailable", priority=Priority.LOW, technical=True, strip=None),
        "task-failed": FindingKind(label="analysis failed", priority=Priority.MEDIUM, technical=True, strip=None),
        "monitor-hanging": FindingKind(label="monitor hangs", priority=Priority.MEDIUM, technical=True, strip=None),
        "part-hanging": FindingKind(
            label="part of the monitor hangs", priority=Priority.LOW, technical=True, strip=None
        ),
        "sounder-failed": FindingKind(
            label="buzzer or light fails", priority=Priority.MEDIUM, technical=True, strip=None
        ),
        "certificate-ending": FindingKind(
            label="certificate ends soon", priority=Priority.LOW, technical=True, strip=None
        ),
        "store-trouble": FindingKind(
            label="trouble storing data", priority=Priority.MEDIUM, technical=True, strip=None
        ),
        "overflow": FindingKind(label="samples dropped", priority=Priority.LOW, technical=True, strip=None),
        "clinic-outdated": FindingKind(
            label="clinic of an older version", priority=Priority.LOW, technical=True, strip=None
        ),
    },
    quantities={"lost_samples": Quantity(unit="samples", decimals=0)},
)
