import io
import json
import shutil

import pytest

from edge_agent.operate.clock import SetClock
from edge_agent.replay.progress import Progress
from edge_agent.replay.records_named import records_named
from edge_agent.sources.port import SourceFacts
from edge_agent.sources.resolve import Places
from tests.cli.conftest import heart, write_record
from tests.sources.physionet_here import serving, without_pauses


def told(out):
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def records(tmp_path):
    """Two records of half a minute with their truth, and a file that is none."""
    for name, rate in (("a", 60.0), ("b", 80.0)):
        ecg, peaks = heart(30, rate_per_min=rate)
        write_record(tmp_path / "in", name, ecg, truth=peaks)
    (tmp_path / "in" / "README").write_text("about these records")
    return tmp_path / "in"


def test_several_records_are_a_line_each_and_a_sum(edge, records):
    code, out, err = edge("replay", records / "a", records / "b", "--truth")
    assert code == 0, err
    head, first, second, sums, last = out.splitlines()
    assert head.split()[:3] == ["record", "length", "beats"]
    assert first.split()[:2] == [str(records / "a"), "0:30.0"]
    assert second.split()[:2] == [str(records / "b"), "0:30.0"]
    assert sums.startswith("2 records")
    assert "1:00.0" in sums
    assert int(sums.split()[3]) == int(first.split()[2]) + int(second.split()[2])
    assert "qrs Se" in head
    assert "100.00" in sums
    assert last.startswith("1:00.0 replayed in ")


def test_what_a_shell_makes_of_a_star_is_each_record_once(edge, records):
    files = sorted(records.iterdir())
    code, out, err = edge("replay", *files)
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()[1:3]] == [str(records / "a"), str(records / "b")]
    assert "files passed over that are no recordings: 1" in err
    assert edge("replay", f"{records}/*")[1].splitlines()[:3] == out.splitlines()[:3]
    assert edge("replay", records)[1].splitlines()[:3] == out.splitlines()[:3]


def test_the_lines_of_several_carry_the_name_of_their_record_and_those_of_one_are_as_ever(edge, records):
    _, alone, _ = edge("replay", records / "a", "--json")
    assert all("record" not in line for line in told(alone) if line["type"] not in ("recording", "summary"))
    code, out, _ = edge("replay", records / "a", records / "b", "--json")
    assert code == 0
    lines = told(out)
    assert {line["record"] for line in lines[:-1]} == {str(records / "a"), str(records / "b")}
    mine = [line for line in lines[:-1] if line["record"] == str(records / "a")]
    without = [{key: value for key, value in line.items() if key not in ("record", "seconds")} for line in mine]
    assert without == [
        {key: value for key, value in line.items() if key not in ("record", "seconds")} for line in told(alone)
    ]
    assert lines[-1]["type"] == "summary"
    assert (lines[-1]["records"], lines[-1]["failed"], lines[-1]["played_s"]) == (2, 0, 60.0)
    _, again, _ = edge("replay", f"{records}/a.*", "--json")
    assert [line["type"] for line in told(again)] == [line["type"] for line in told(alone)]
    assert "records" not in told(again)[-1]


def test_a_record_that_fails_is_a_line_and_the_others_are_played(edge, records):
    shutil.copy(records / "a.hea", records / "torn.hea")
    (records / "torn.hea").write_text("torn 1 250 100\ntorn.dat 16 200\n")
    code, out, err = edge("replay", records / "a", records / "torn", records / "b")
    assert code == 1
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert rows[str(records / "torn")].split() == [str(records / "torn"), "failed"]
    assert "0:30.0" in rows[str(records / "b")]
    assert err.splitlines()[-1].startswith("Try: ")
    assert "1 of 3 records failed" in err
    code, out, _ = edge("replay", records / "torn", records / "b", "--json")
    assert code == 1
    error = next(line for line in told(out) if line["type"] == "error")
    assert error["record"] == str(records / "torn")
    assert told(out)[-1]["failed"] == 1


def test_two_at_a_time_say_the_same(edge, records):
    _, one, _ = edge("replay", records / "a", records / "b", "--json")
    code, two, err = edge("replay", records / "a", records / "b", "--json", "--jobs", "2")
    assert code == 0, err
    plain = [
        [{key: each for key, each in line.items() if key != "seconds"} for line in told(out)] for out in (one, two)
    ]
    assert plain[0] == plain[1]


def test_two_records_of_one_name_do_not_write_over_each_other(edge, records, tmp_path):
    shutil.copytree(records, tmp_path / "other")
    code, _, err = edge("replay", records / "a", tmp_path / "other" / "a", "--out", tmp_path / "out")
    assert code == 2
    assert "several records of one name" in err
    assert not (tmp_path / "out").exists()
    assert edge("replay", records, "--out", tmp_path / "out")[0] == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.bds", "b.bds"]


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "65"])
def test_jobs_that_cannot_be_are_refused(edge, records, jobs):
    assert edge("replay", records / "a", f"--jobs={jobs}")[0] == 2


def test_segments_of_a_record_are_no_records_of_their_own(records):
    (records / "m.hea").write_text("m/2 1 250 15000\na 7500\nb 7500\n")
    names, _ = records_named([str(records)], Places(data_dir=None, cache_dir=records))
    assert names == [str(records / "m")]


def test_a_pattern_finds_what_is_unpacked_and_else_what_the_set_lists(tmp_path, records, monkeypatch):
    without_pauses(monkeypatch)
    shutil.copytree(records, tmp_path / "data" / "mitdb")
    with serving(tmp_path / "site") as site:
        site.put("svdb/1.0.0/RECORDS", b"800\n801\n820\n")
        here = Places(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", index_url=site.url)
        found, _ = records_named(["mitdb/*", "svdb/80*"], here)
    assert found == [
        str(tmp_path / "data" / "mitdb" / "a"),
        str(tmp_path / "data" / "mitdb" / "b"),
        "svdb/800",
        "svdb/801",
    ]


def test_a_pattern_that_fits_nothing_is_an_error(edge, tmp_path):
    code, _, err = edge("replay", f"{tmp_path}/no*")
    assert code == 2
    assert "no record fits the pattern" in err


def test_a_record_that_breaks_off_is_reported_up_to_there(edge, records, monkeypatch):
    from biosignal.errors import BadInput
    from edge_agent.sources import wfdb_record

    monkeypatch.setattr(wfdb_record, "BLOCK_SAMPLES", 2500)
    whole = wfdb_record.WfdbRecord.read

    def broken(self):
        for number, item in enumerate(whole(self)):
            if number == 2:
                raise BadInput("the signal file became shorter while it was read", remedy="copy it first")
            yield item

    monkeypatch.setattr(wfdb_record.WfdbRecord, "read", broken)
    code, out, err = edge("replay", records / "a")
    assert code == 1
    assert "0:20.0 of 0:30.0 replayed in" in out
    assert "beats (" in out
    assert err.splitlines()[-2:] == [
        "edge-agent: the recording broke off: the signal file became shorter while it was read",
        "Try: copy it first",
    ]
    code, out, _ = edge("replay", records / "a", "--json")
    summary = next(line for line in told(out) if line["type"] == "summary")
    assert (code, summary["samples"], summary["of_samples"]) == (1, 5000, 7500)
    assert edge("report", records / "a", "--json")[0] == 2


class Terminal:
    """A screen that both streams write on."""

    def __init__(self):
        self.written = []

    def isatty(self):
        return True

    def write(self, text):
        self.written.append(text)
        return len(text)

    def flush(self):
        pass


def test_on_a_terminal_the_bar_makes_way_for_each_line():
    screen, clock = Terminal(), SetClock()
    facts = SourceFacts(name="x", leads=(), fs_hz=100.0, live=False, length=1000)
    progress = Progress(screen, facts=facts, clock=clock)
    out = progress.beside(screen)
    clock.advance(1.0)
    progress.at(500)
    out.write("a finding\n")
    out.write("another\n")
    clock.advance(1.0)
    progress.at(600)
    progress.end()
    bar, wiped, first, second, bar_again, last = screen.written
    assert "50%" in bar
    assert "60%" in bar_again
    assert wiped == last == "\r\x1b[K"
    assert (first, second) == ("a finding\n", "another\n")


def test_a_stream_that_is_no_terminal_is_left_as_it_is():
    screen, file = Terminal(), io.StringIO()
    facts = SourceFacts(name="x", leads=(), fs_hz=100.0, live=False, length=1000)
    assert Progress(screen, facts=facts, clock=SetClock()).beside(file) is file
