"""What is measured: every figure spelled once, with its unit and the target it is held to."""

from dataclasses import dataclass
from typing import Any

from edge_agent.sources.decoders import KINDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A figure. `most` or `least` is its target; with neither it is only reported."""

    what: str
    unit: str
    most: float | None = None
    least: float | None = None


SPECS: dict[str, Spec] = {
    "replay_wall_s": Spec(what="replay of 30 min, one lead, one core: time by the clock", unit="s", most=3.0),
    "replay_cpu_s": Spec(what="the same: processor time", unit="s", most=3.0),
    "replay_times_real_time": Spec(what="the same, by the clock", unit="x", least=600.0),
    "start_to_first_beat_s": Spec(what="daemon from its start to the first classified beat", unit="s", most=5.0),
    "start_cpu_s": Spec(what="the same: processor time", unit="s"),
    "daemon_rss_mb": Spec(what="daemon at 1x without language model: resident memory", unit="MB", most=120.0),
    "daemon_cpu_percent": Spec(what="daemon at 1x without language model: of one core", unit="%", most=3.0),
    "written_100_gb_a_day": Spec(what="written to disk by the daemon, mitdb/100 looped", unit="GB/day", most=0.5),
    "written_208_gb_a_day": Spec(what="written to disk by the daemon, mitdb/208 looped", unit="GB/day", most=0.5),
    "finding_at_clinic_p50_s": Spec(what="decision to the clinic's database, median", unit="s"),
    "finding_at_clinic_p99_s": Spec(what="decision to the clinic's database, 99 of 100", unit="s", most=1.0),
    "ingest_sqlite_rows_a_second": Spec(what="clinic's intake into SQLite, of one core", unit="rows/s", least=1000.0),
    "ingest_postgres_rows_a_second": Spec(
        what="clinic's intake into PostgreSQL, of one core of the intake", unit="rows/s", least=1000.0
    ),
    "drain_rows_a_second": Spec(
        what="a backlog, from the device to the clinic's database", unit="rows/s", least=1000.0
    ),
    "fresh_behind_backlog_p99_s": Spec(
        what="what is stored while it drains, to the clinic's database, 99 of 100", unit="s", most=2.0
    ),
    "codec_bytes_per_sample": Spec(what="stored wave (int16 counts are 2)", unit="B"),
    "analysis_times_real_time": Spec(what="whole analysis, blocks of 1 s", unit="x"),
    "analysis_40_ms_times_real_time": Spec(what="whole analysis, blocks of 40 ms", unit="x"),
    "second_task_cost_percent": Spec(what="a second task that is idle, blocks of 40 ms", unit="%", most=10.0),
    "quality_times_real_time": Spec(what="quality index", unit="x"),
    "detector_times_real_time": Spec(what="filters and QRS detector", unit="x"),
    "windows_times_real_time": Spec(what="beat windows and rhythm features", unit="x"),
    "inference_times_real_time": Spec(what="ONNX Runtime, one beat at a time", unit="x"),
    "rules_times_real_time": Spec(what="rhythm rules", unit="x"),
    "eeg_chunk_p50_ms": Spec(what="EEG, all tasks, 100 ms of eight leads at 250 Hz: median", unit="ms", most=0.5),
    "eeg_chunk_p99_ms": Spec(what="EEG, all tasks, 100 ms of eight leads at 250 Hz: 99 of 100", unit="ms", most=4.0),
    "eeg_times_real_time": Spec(what="EEG, all tasks, eight leads at 250 Hz", unit="x"),
    "eeg_night_s": Spec(what="EEG, all tasks, a night of eight hours of one lead", unit="s", most=10.0),
    "scroll_strip_frames_a_second": Spec(
        what="twelve leads on paper, scrolled: frames the browser draws", unit="/s", least=60.0
    ),
    "scroll_minutes_frames_a_second": Spec(
        what="a minute a line, scrolled: frames the browser draws", unit="/s", least=60.0
    ),
    "waves_page_first_paint_s": Spec(what="page of a recording: first paint", unit="s", most=1.0),
    "central_32_browser_percent": Spec(what="32 live beds on a page: of one core", unit="%", most=30.0),
    "central_32_heap_mb": Spec(what="32 live beds on a page: memory", unit="MB", most=150.0),
    "central_32_behind_p99_s": Spec(what="32 live beds: what the clinic hands over is late by", unit="s", most=2.0),
    "left_open_heap_mb": Spec(what="a page of live beds left open for hours: memory", unit="MB", most=150.0),
    "left_open_growth_mb": Spec(what="the same: what it grew by after the first eighth", unit="MB", most=10.0),
    **{
        f"decoding_{board}": Spec(what=f"decoding {board}, live or damaged", unit="x line rate", least=100.0)
        for board in KINDS
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One measured value; `note` says how, where that is not plain."""

    name: str
    value: float
    note: str = ""

    @property
    def spec(self) -> Spec:
        """What the value means."""
        return SPECS[self.name]

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.spec.most is not None:
            return self.value <= self.spec.most
        return self.value >= self.spec.least if self.spec.least is not None else None

    @property
    def headroom(self) -> float | None:
        """How many times better than the target; below 1 it is missed."""
        if self.spec.most is not None:
            return self.spec.most / self.value if self.value else float("inf")
        return self.value / self.spec.least if self.spec.least is not None else None

    def facts(self) -> dict[str, Any]:
        """Give the figure as it stands in the result file."""
        spec = self.spec
        return {
            "name": self.name,
            "what": spec.what,
            "value": float(f"{self.value:.4g}"),
            "unit": spec.unit,
            "at_most": spec.most,
            "at_least": spec.least,
            "met": self.met,
            "headroom": None if self.headroom is None else float(f"{self.headroom:.3g}"),
            "note": self.note,
        }


class NotMeasured(Exception):
    """A figure could not be had on this machine; the message says why."""
