import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import edfio
import numpy as np
import pytest

from biosignal.errors import BadInput
from edge_agent.cli import main
from edge_agent.sources.datasets.download import Absent, Download, Restricted, Unlike, Unreachable
from edge_agent.sources.datasets.fetch import cached, fetch, records_of
from edge_agent.sources.datasets.table import known_sets, set_called, truth_of, wanted
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.resolve import Places, find, resolve
from edge_agent.sources.wfdb_annotations import Annotation, write_annotations
from tests.sources.physionet_here import Heard, changed, cut, serving, status, whole, without_pauses

DATA_DIR = os.environ.get("EDGE_DATA_DIR")
MITDB = "mitdb/1.0.0"


@pytest.fixture
def site(tmp_path, monkeypatch):
    without_pauses(monkeypatch)
    with serving(tmp_path / "site") as here:
        yield here


def places(tmp_path, site, **more):
    return Places(data_dir=None, cache_dir=tmp_path / "cache", index_url=site.url, **more)


def test_a_download_goes_on_where_the_line_broke_and_is_what_the_hash_says(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    site.faults[f"{MITDB}/100.dat"] = [cut]
    heard = Heard()
    found = fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url, telling=heard)
    assert found.with_suffix(".dat").read_bytes() == (site.root / MITDB / "100.dat").read_bytes()
    first, second = site.asked_for("100.dat")
    assert "Range" not in first
    assert second["Range"] == "bytes=4000-"
    assert any("100.dat: the connection ended early; going on" in one for one in heard.said)
    assert heard.seen[-1][0] in ("100.dat", "100.atr")


def test_what_was_fetched_before_the_program_ended_is_not_fetched_again(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    site.faults[f"{MITDB}/100.dat"] = [cut, *[status(500)] * 20]
    with pytest.raises(Unreachable):
        fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url)
    assert cached(tmp_path) == []
    site.faults.clear()
    site.asked.clear()
    fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url)
    assert [one["Range"] for one in site.asked_for("100.dat")] == ["bytes=4000-"]
    assert site.asked_for("100.hea") == []
    assert cached(tmp_path) == ["mitdb/100"]


def test_a_server_that_ignores_range_sends_the_file_anew(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    site.faults[f"{MITDB}/100.dat"] = [cut, whole]
    found = fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url)
    assert found.with_suffix(".dat").read_bytes() == (site.root / MITDB / "100.dat").read_bytes()


def test_a_file_that_is_not_what_its_hash_says_is_fetched_once_more_and_then_refused(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    site.faults[f"{MITDB}/100.dat"] = [changed]
    found = fetch("mitdb/100", cache_dir=tmp_path / "once", index_url=site.url)
    assert any(found.with_suffix(".dat").read_bytes())
    site.faults[f"{MITDB}/100.dat"] = [changed, changed]
    with pytest.raises(Unlike, match=r"100\.dat"):
        fetch("mitdb/100", cache_dir=tmp_path / "twice", index_url=site.url)
    assert cached(tmp_path / "twice") == []


def test_a_busy_server_is_asked_again_when_it_says(tmp_path, site, monkeypatch):
    pauses = without_pauses(monkeypatch)
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    site.faults[f"{MITDB}/100.dat"] = [status(429, Retry_After="7"), status(503), status(429, Retry_After="9999")]
    fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url)
    assert pauses[0] == 7.0
    assert max(pauses) <= 60.0
    assert len(pauses) == 3


@pytest.mark.parametrize(("code", "error"), [(404, Absent), (410, Absent), (401, Restricted), (403, Restricted)])
def test_a_refusal_is_not_asked_again(tmp_path, site, code, error):
    site.faults["a"] = [status(code)]
    with pytest.raises(error):
        Download().get(f"{site.url}a", tmp_path / "a")
    assert len(site.asked) == 1
    assert list(tmp_path.glob("a*")) == []


def test_a_set_behind_a_login_says_how_to_get_it(tmp_path, site):
    site.faults[f"{MITDB}/SHA256SUMS.txt"] = [status(403)]
    with pytest.raises(RecordUnreadable, match="registered users only") as caught:
        find("mitdb/100", places(tmp_path, site))
    assert "log in at physionet.org" in caught.value.advice
    with pytest.raises(RecordUnreadable, match="only who sign for it") as caught:
        find("tuh/aaaaaaaa", places(tmp_path, site))
    assert "EDGE_DATA_DIR" in caught.value.advice
    assert len(site.asked) == 1


def test_without_a_network_it_is_said_what_the_cache_has(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    find("mitdb/100", places(tmp_path, site))
    offline = Places(data_dir=None, cache_dir=tmp_path / "cache", index_url="http://127.0.0.1:9/")
    assert find("mitdb/100", offline).name == "100"
    with pytest.raises(RecordUnreadable, match="in the cache: mitdb/100") as caught:
        find("mitdb/101", offline)
    assert "go online" in caught.value.advice


def test_licence_size_and_address_are_said_before(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    heard = Heard()
    fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url, telling=heard)
    assert heard.said == [
        f"MIT-BIH Arrhythmia Database 1.0.0, licence: ODC-By 1.0\n2 files, 8.0 kB, from {site.url}mitdb/1.0.0/"
    ]


def test_a_set_without_a_list_of_hashes_is_said_to_be_unchecked(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    heard = Heard()
    fetch("mitdb/100", cache_dir=tmp_path, index_url=site.url, telling=heard)
    assert "mitdb: no list of hashes, what comes is not checked" in heard.said


def test_without_a_hash_halves_of_two_files_are_never_put_together(tmp_path, site):
    site.put("a", bytes(range(200)))
    (tmp_path / ".a.part").write_bytes(b"of yesterday")
    Download().get(f"{site.url}a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == bytes(range(200))
    assert "Range" not in site.asked[0][2]


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path, site):
    site.put("a", b"short")
    (tmp_path / ".a.part").write_bytes(b"much longer than short")
    Download().get(f"{site.url}a", tmp_path / "a", sha256=hashlib.sha256(b"short").hexdigest())
    assert (tmp_path / "a").read_bytes() == b"short"


def test_an_annotator_that_is_asked_for_later_comes_then(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    write_annotations(site.root / MITDB / "100.xws", [Annotation(sample=1, symbol="N")])
    find("mitdb/100", places(tmp_path, site))
    assert site.asked_for("100.xws") == []
    found = find("mitdb/100", places(tmp_path, site), annotators=("xws",))
    assert found.with_suffix(".xws").is_file()


def test_a_record_of_several_segments_comes_with_all_of_them(tmp_path, site):
    base = "mimic3wdb/1.0/30/3000003"
    site.put_record(f"{base}/3000003_0001", samples=500, truth=False)
    site.put_record(f"{base}/3000003_0002", samples=300, truth=False)
    site.put(
        f"{base}/3000003.hea",
        b"3000003/4 1 360 900\n3000003_layout 0\n3000003_0001 500\n~ 100\n3000003_0002 300\n",
    )
    site.put(f"{base}/3000003_layout.hea", b"3000003_layout 1 360 0\n~ 0 200 16 0 0 0 0 MLII\n")
    source = resolve("mimic3wdb/3000003", places(tmp_path, site))
    assert source.recording_facts().length == 900
    assert [one.length for one in source.read()] == [500, 100, 300]


LAYOUTS = [
    ("ptb-xl/00001_lr", "ptb-xl/1.0.3/records100/00000/00001_lr"),
    ("ptbxl/21837_hr", "ptb-xl/1.0.3/records500/21000/21837_hr"),
    ("ptbdb/patient001/s0010_re", "ptbdb/1.0.0/patient001/s0010_re"),
    ("ludb/1", "ludb/1.0.1/data/1"),
    ("challenge-2011/1002603", "challenge-2011/1.0.0/set-a/1002603"),
    ("cinc2015/a103l", "challenge-2015/1.0.0/training/a103l"),
    ("challenge-2017/A00001", "challenge-2017/1.0.0/training/A00/A00001"),
    ("challenge-2018/tr03-0005", "challenge-2018/1.0.0/training/tr03-0005/tr03-0005"),
    ("mitdb/1.0.0/100", "mitdb/1.0.0/100"),
]


@pytest.mark.parametrize(("name", "path"), LAYOUTS)
def test_a_short_name_finds_the_record_where_the_set_keeps_it(tmp_path, site, name, path):
    site.put_record(path, truth=False)
    assert find(name, places(tmp_path, site)).name == Path(path).name
    assert any(asked == f"{path}.hea" for _, asked, _ in site.asked)


@pytest.mark.parametrize("name", ["chapman/JS00001", "ningbo/JS00001", "ecg-arrhythmia/WFDBRecords/01/010/JS00001"])
def test_where_only_the_list_knows_the_folder_it_is_looked_up(tmp_path, site, name):
    site.put_record("ecg-arrhythmia/1.0.0/WFDBRecords/01/010/JS00001", truth=False, suffix=".mat")
    site.put_sums("ecg-arrhythmia/1.0.0")
    assert find(name, places(tmp_path, site)).name == "JS00001"
    site.asked.clear()
    assert resolve(name, places(tmp_path, site)).recording_facts().length == 4000
    assert site.asked == []


def test_a_list_that_leads_out_of_the_cache_is_not_followed(tmp_path, site):
    digest = "0" * 64
    site.put("challenge-2021/1.0.3/SHA256SUMS.txt", f"{digest} ../../../x/A0001.hea\n{digest} /x/A0002.hea\n".encode())
    for name in ("A0001", "A0002"):
        with pytest.raises(RecordUnreadable, match="does not have the record"):
            find(f"challenge-2021/{name}", places(tmp_path, site))


def test_two_downloads_into_one_cache_come_one_after_the_other(tmp_path, site):
    site.put_record(f"{MITDB}/100")
    site.put_sums(MITDB)
    heard = [Heard(), Heard()]
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fetch, "mitdb/100", cache_dir=tmp_path, index_url=site.url, telling=one) for one in heard]
        assert {one.result(30).name for one in both} == {"100"}
    assert len(site.asked_for("100.dat")) == 1


def test_a_name_that_several_records_have_is_not_guessed(tmp_path, site):
    for folder in ("g1", "g2"):
        site.put_record(f"challenge-2021/1.0.3/training/{folder}/A0001", truth=False)
    site.put_sums("challenge-2021/1.0.3")
    with pytest.raises(RecordUnreadable, match="several records have this name"):
        find("challenge-2021/A0001", places(tmp_path, site))


def night(folder, name="SC4001E0-PSG.edf"):
    """A night of Sleep-EDF in small: half a minute of two leads, and a hypnogram of annotations alone."""
    folder.mkdir(parents=True, exist_ok=True)
    signals = [
        edfio.EdfSignal(np.sin(np.arange(9000) / 9), 100, label=label, physical_dimension="uV")
        for label in ("EEG Fpz-Cz", "EOG horizontal")
    ]
    edfio.Edf(signals).write(folder / name)
    scored = [(0, 30, "Sleep stage W"), (30, 60, "Sleep stage 2"), (90, 30, "Sleep stage ?")]
    hypnogram = edfio.Edf([], annotations=[edfio.EdfAnnotation(*one) for one in scored])
    hypnogram.write(folder / f"{name[:7]}C-Hypnogram.edf")


def test_a_night_of_sleep_edf_comes_with_its_hypnogram(tmp_path, site):
    night(site.root / "sleep-edfx" / "1.0.0" / "sleep-cassette")
    site.put_sums("sleep-edfx/1.0.0")
    for name in ("sleep-edfx/SC4001E0", "sleep-edfx/sleep-cassette/SC4001E0-PSG.edf"):
        source = resolve(name, places(tmp_path / name.replace("/", "-"), site))
        assert [lead.name for lead in source.recording_facts().leads] == ["EEG Fpz-Cz", "EOG horizontal"]
        beside = Path(source.recording_facts().path).parent
        assert (beside / "SC4001EC-Hypnogram.edf").is_file()


def test_a_set_below_the_data_folder_is_found_under_every_name_it_has(tmp_path, site):
    site.put_record("data/cinc2015/a103l", truth=False)
    site.put_record("data/ptbxl/records100/00000/00001_lr", truth=False)
    night(site.root / "data" / "eegmmidb", "S001R01.edf")
    here = Places(data_dir=site.root / "data", cache_dir=tmp_path / "cache", index_url=site.url)
    assert find("challenge-2015/a103l", here) == site.root / "data" / "cinc2015" / "a103l"
    assert find("ptb-xl/00001_lr", here).parent.name == "00000"
    assert resolve("eegmmidb/S001R01", here).recording_facts().name == "S001R01"
    assert site.asked == []


def test_the_records_of_a_set_are_listed_by_the_set(tmp_path, site):
    site.put(f"{MITDB}/RECORDS", b"100\n101\n")
    known = set_called("mitdb")
    assert records_of(known, cache_dir=tmp_path, index_url=site.url) == ["100", "101"]
    assert records_of(known, cache_dir=tmp_path, index_url="http://127.0.0.1:9/") == ["100", "101"]


def test_an_address_that_is_none_of_the_web_is_refused(tmp_path):
    with pytest.raises(BadInput, match="not an address of the web"):
        fetch("mitdb/100", cache_dir=tmp_path, index_url="file:///etc/")


def test_every_set_of_the_table_says_what_people_need_and_no_two_share_a_name():
    names = [name for one in known_sets() for name in one.names]
    assert len(names) == len(set(names))
    for one in known_sets():
        assert one.title
        assert one.licence
        assert one.about
        assert one.format in ("wfdb", "edf")
        if one.access == "open":
            assert one.path_of(one.example)
            assert wanted(f"{one.name}/{one.example}").known is one


@pytest.mark.parametrize(
    ("record", "annotator"),
    [
        ("mitdb/100", "atr"),
        ("cinc2013/a01", "fqrs"),
        ("/data/apnea-ecg/1.0.0/a01", "apn"),
        ("own/100", "atr"),
        ("100", "atr"),
    ],
)
def test_the_truth_of_a_record_is_that_of_its_set(record, annotator):
    assert truth_of(record) == annotator


def test_the_verb_lists_sets_and_says_all_of_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("EDGE_DATA_DIR", raising=False)
    assert main(["datasets"]) == 0
    out = capsys.readouterr().out
    assert all(one.name in out for one in known_sets())
    assert main(["datasets", "ptbxl"]) == 0
    out = capsys.readouterr().out
    assert "CC BY 4.0" in out
    assert "edge-agent replay ptb-xl/00001_lr" in out
    assert main(["datasets", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"type": "summary", "datasets": len(known_sets())}
    assert main(["datasets", "mitbd"]) == 2
    assert "mitdb" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.data
@pytest.mark.skipif(DATA_DIR is None, reason="EDGE_DATA_DIR is not set")
@pytest.mark.parametrize(
    "name", ["mitdb/100", "ptb-xl/00317_lr", "challenge-2017/A08285", "challenge-2011/2425662", "eegmmidb/S001R01"]
)
def test_a_name_of_physionet_finds_what_is_unpacked(tmp_path, name):
    here = Places(data_dir=Path(DATA_DIR or ""), cache_dir=tmp_path, index_url="http://127.0.0.1:9/")
    try:
        source = resolve(name, here)
    except RecordUnreadable:
        if not any((here.data_dir / one).is_dir() for one in set_called(name.split("/")[0]).names):
            pytest.skip(f"EDGE_DATA_DIR has no {name}")
        raise
    assert source.recording_facts().length
