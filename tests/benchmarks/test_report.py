"""The report of a benchmark run is whole, names its targets, and judges them the right way round. Nothing is timed."""

import json
import os

import pytest

from benchmarks.__main__ import PARTS
from benchmarks.clinic import quantile
from benchmarks.daemon import usage
from benchmarks.figures import SPECS, Figure
from benchmarks.machine import machine_facts
from benchmarks.report import report, table, write

PROMISED = {
    "replay_wall_s": 3.0,
    "replay_times_real_time": 600.0,
    "start_to_first_beat_s": 5.0,
    "daemon_rss_mb": 120.0,
    "daemon_cpu_percent": 3.0,
    "written_100_gb_a_day": 0.5,
    "written_208_gb_a_day": 0.5,
    "finding_at_clinic_p99_s": 1.0,
}


@pytest.fixture
def machine():
    facts = machine_facts()
    return {**facts, "load_after": facts["load_before"]}


def test_what_was_promised_has_its_target():
    assert {name: SPECS[name].most or SPECS[name].least for name in PROMISED} == PROMISED


def test_every_figure_belongs_to_exactly_one_part():
    names = [name for _, names in PARTS.values() for name in names]
    assert sorted(names) == sorted(SPECS)


@pytest.mark.parametrize(
    ("name", "value", "met", "headroom"),
    [
        ("replay_wall_s", 1.5, True, 2.0),
        ("replay_wall_s", 6.0, False, 0.5),
        ("replay_times_real_time", 1200.0, True, 2.0),
        ("replay_times_real_time", 300.0, False, 0.5),
        ("codec_bytes_per_sample", 0.5, None, None),
    ],
)
def test_a_target_is_judged_the_right_way_round(name, value, met, headroom):
    facts = Figure(name=name, value=value).facts()
    assert (facts["met"], facts["headroom"]) == (met, headroom)


def test_every_figure_is_in_the_report_or_says_why_not(machine, tmp_path):
    figures = [Figure(name="replay_wall_s", value=9.0), Figure(name="codec_bytes_per_sample", value=0.57)]
    told = report(figures, {"daemon_rss_mb": "it ended"}, machine=machine, quick=True, seconds=1.0)
    write(told, tmp_path / "deep" / "run.json")
    read = json.loads((tmp_path / "deep" / "run.json").read_text())
    assert [each["name"] for each in read["figures"]] == ["replay_wall_s", "codec_bytes_per_sample"]
    assert {each["name"] for each in read["figures"] + read["not_measured"]} == set(SPECS)
    assert {"name": "daemon_rss_mb", "why": "it ended"} in read["not_measured"]
    shown = (tmp_path / "deep" / "run.md").read_text()
    assert shown == table(told)
    assert "9 s | at most 3 s | **missed**, 0.333 x" in shown
    assert "daemon_rss_mb (it ended)" in shown


def test_the_machine_is_described(machine):
    assert machine["cores"] >= 1
    assert machine["memory_mb"] > 100
    assert len(machine["load_before"]) == 3


def test_a_busy_machine_is_said(machine):
    idle, busy = ({**machine, "load_before": [load * machine["cores"], 0, 0]} for load in (0.1, 2.0))
    assert report([], {}, machine=idle, quick=False, seconds=1.0)["note"] == ""
    assert "Other work" in table(report([], {}, machine=busy, quick=False, seconds=1.0))


def test_the_usage_of_a_process_is_read():
    mine = usage(os.getpid())
    assert mine.cpu_s > 0
    assert mine.peak_rss_bytes >= mine.rss_bytes > 10_000_000


def test_quantiles_are_values_that_occurred():
    values = [float(number) for number in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([3.0], 0.99)) == (50.0, 99.0, 3.0)
