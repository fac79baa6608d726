"""What can be asked of a recording: one folder and one line a task.

`TASKS` is looked at when it is needed, never copied at import: a task added to it is everywhere at once.
"""

from biosignal.tasks.ecg_beats.task import ECG_BEATS
from biosignal.tasks.ecg_diagnosis.task import ECG_DIAGNOSIS
from biosignal.tasks.ecg_front.task import ECG_FRONT
from biosignal.tasks.ecg_rhythm.task import ECG_RHYTHM
from biosignal.tasks.ecg_waves.task import ECG_WAVES
from biosignal.tasks.eeg_quality.task import EEG_QUALITY
from biosignal.tasks.eeg_seizure.task import EEG_SEIZURE
from biosignal.tasks.eeg_sleep.task import EEG_SLEEP
from biosignal.tasks.eeg_spindles.task import EEG_SPINDLES
from biosignal.tasks.eeg_trend.task import EEG_TREND
from biosignal.tasks.monitoring.task import MONITORING
from biosignal.tasks.peripheral_pulse.task import PERIPHERAL_PULSE
from biosignal.tasks.signal_quality.task import SIGNAL_QUALITY
from biosignal.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        SIGNAL_QUALITY,
        EEG_QUALITY,
        PERIPHERAL_PULSE,
        ECG_FRONT,
        ECG_BEATS,
        ECG_RHYTHM,
        ECG_WAVES,
        ECG_DIAGNOSIS,
        EEG_TREND,
        EEG_SLEEP,
        EEG_SPINDLES,
        EEG_SEIZURE,
        MONITORING,
    )
}
"""Every task by name. Those that others need or hear come before them."""
