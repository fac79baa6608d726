import contextlib
import functools
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest
import wfdb
import wfdb.io.download
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from edge_agent.operate.clock import SetClock
from edge_agent.sources import open_source
from edge_agent.sources.edf_record import EdfRecord
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.logs.record import CsvRecord
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.resolve import Places, ReadAs, find, resolve
from edge_agent.sources.settings import SourceSettings
from edge_agent.sources.synthetic import Synthetic
from tests.sources.edf_files import sine, write_edf


def record(folder: Path, name="100", value=1):
    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name,
        fs=360,
        units=["mV"],
        sig_name=["MLII"],
        d_signal=np.full((400, 1), value, np.int64),
        fmt=["16"],
        adc_gain=[200.0],
        baseline=[0],
        write_dir=str(folder),
    )
    wfdb.wrann(name, "atr", np.array([10, 200]), ["N", "V"], write_dir=str(folder))
    return folder / name


@pytest.fixture
def server(tmp_path):
    """A loopback copy of the PhysioNet index, which also notes what was asked."""
    root = tmp_path / "served"
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    root.mkdir()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(root)))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield root, f"http://127.0.0.1:{httpd.server_port}/", asked
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def made(folder):
    folder.mkdir()
    return folder


def places(tmp_path, url="http://127.0.0.1:9/", data_dir=None):
    return Places(data_dir=data_dir, cache_dir=tmp_path / "cache", index_url=url)


def test_excerpt_names_the_embedded_recording(tmp_path):
    assert isinstance(resolve("excerpt", places(tmp_path)), Excerpt)


def test_a_synthetic_patient_is_named_with_or_without_a_seed(tmp_path):
    plain, seeded = (resolve(name, places(tmp_path)) for name in ("synthetic/sinus", "synthetic/sinus@7"))
    assert isinstance(plain, Synthetic)
    assert plain.recording_facts().name == "synthetic-sinus"
    assert seeded.recording_facts().name == "synthetic-sinus-7"
    assert plain.recording_facts().content_hash != seeded.recording_facts().content_hash


@pytest.mark.parametrize("name", ["synthetic/nobody", "synthetic/sinus@-1", "synthetic/sinus@x", "synthetic/"])
def test_a_synthetic_patient_nobody_knows_is_refused(tmp_path, name):
    with pytest.raises(BadInput):
        resolve(name, places(tmp_path))


def test_an_existing_path_comes_before_the_data_folder(tmp_path, monkeypatch):
    record(tmp_path / "here" / "mitdb", value=1)
    record(tmp_path / "data" / "mitdb", value=2)
    monkeypatch.chdir(tmp_path / "here")
    assert find("mitdb/100", places(tmp_path, data_dir=tmp_path / "data")) == Path("mitdb/100")
    monkeypatch.chdir(tmp_path)
    found = find("mitdb/100", places(tmp_path, data_dir=tmp_path / "data"))
    assert found == tmp_path / "data" / "mitdb" / "100"


@pytest.mark.parametrize(
    "name",
    ["../secret/100", "mitdb/../../secret/100", "/nowhere/100", "~root/100", "100", "", "a\0b/c", "a/.b", "a b/c"],
)
def test_a_name_never_leads_out_of_the_data_folder_or_the_cache(tmp_path, name):
    record(tmp_path / "secret")
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput):
        resolve(name, places(tmp_path, data_dir=tmp_path / "data"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("below", ["mitdb", "mitdb/1.0.0"])
def test_a_record_is_downloaded_once_and_then_read_from_the_cache(tmp_path, server, below):
    root, url, asked = server
    record(root / below)
    found = find("mitdb/100", places(tmp_path, url))
    assert resolve("mitdb/100", places(tmp_path, url)).recording_facts().length == 400
    assert wfdb.rdann(str(found), "atr").symbol == ["N", "V"]
    before = len(asked)
    assert find("mitdb/100", places(tmp_path, url)) == found
    assert len(asked) == before
    assert wfdb.io.download.config.db_index_url == "https://physionet.org/files/"


def test_a_record_the_server_lacks_is_an_error_that_names_both_ways(tmp_path, server):
    _, url, _ = server
    with pytest.raises(RecordUnreadable) as caught:
        resolve("mitdb/999", places(tmp_path, url))
    assert "EDGE_DATA_DIR" in caught.value.advice
    assert "PhysioNet" in caught.value.advice
    assert caught.value.exit_code == 2


def test_an_unreachable_server_is_an_error_that_names_both_ways(tmp_path):
    with pytest.raises(RecordUnreadable, match="EDGE_DATA_DIR") as caught:
        resolve("mitdb/100", places(tmp_path))
    assert "PhysioNet" in caught.value.advice


def test_a_half_served_record_does_not_reach_the_cache(tmp_path, server):
    root, url, _ = server
    record(root / "mitdb").with_suffix(".dat").unlink()
    with pytest.raises(RecordUnreadable, match=r"100\.dat"):
        resolve("mitdb/100", places(tmp_path, url))
    assert list((tmp_path / "cache" / "physionet" / "mitdb").iterdir()) == []


def test_a_served_header_cannot_name_a_file_elsewhere(tmp_path, server):
    root, url, _ = server
    record(root / "mitdb").with_suffix(".hea").write_text("100 1 360 400\n../../x.dat 16 200\n")
    with pytest.raises(RecordUnreadable, match="outside its folder"):
        resolve("mitdb/100", places(tmp_path, url))


def test_an_unwritable_cache_is_an_error_that_names_the_folder(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(RecordUnreadable, match="cache"):
        resolve("mitdb/100", places(tmp_path))


def test_files_of_other_formats_are_known_by_their_suffix(tmp_path):
    edf = write_edf(made(tmp_path / "set") / "a.EDF", [("ECG", 100, "mV", sine(2, 100)), ("SpO2", 1, "%", sine(2, 1))])
    (tmp_path / "b.csv").write_text("ECG (mV)\n1\n2\n")
    at = places(tmp_path, data_dir=tmp_path)
    assert isinstance(resolve(str(edf), at), EdfRecord)
    assert isinstance(resolve("set/a.EDF", at), EdfRecord)
    source = resolve(str(tmp_path / "b.csv"), at, read_as=ReadAs(fs_hz=250))
    assert isinstance(source, CsvRecord)
    for missing in ("set/c.edf", str(tmp_path / "c.csv"), "../a.edf"):
        with pytest.raises(RecordUnreadable, match="no such"):
            resolve(missing, at)


def test_the_daemon_reads_files_by_its_settings_and_logs_what_they_lack(tmp_path, caplog):
    (tmp_path / "b.csv").write_text("when,ECG (mV),by\n0,1,me\n0.004,2,me\n0.008,3,me\n")
    settings = SourceSettings(record=str(tmp_path / "b.csv"), speed=0, passes=1, options=("time_column=when",))
    source = open_source(settings, SetClock())
    source.open("rec")
    assert [item.samples.tolist() for item in source.read()] == [[[1, 2, 3]]]
    (logged,) = caplog.records
    assert (logged.getMessage(), logged.facts["note"]) == ("sources.record.note", "left out: by (no numbers)")
    with pytest.raises(BadInput, match="no such option"):
        open_source(SourceSettings(options=("colour=red",)), SetClock())
    with pytest.raises(BadInput, match="name=value"):
        open_source(SourceSettings(options=("lead",)), SetClock())


NAMES = st.text(max_size=40) | st.sampled_from(
    ["", "/", ".", "..", "~", "\0", "a" * 5000, "a/" * 3000, "-", "\ud800", "~0", "~0/a.edf"]
)


@settings(max_examples=200, deadline=None)
@given(NAMES)
def test_whatever_is_named_is_a_source_or_is_refused_in_plain_words(tmp_path_factory, name):
    places = Places(data_dir=None, cache_dir=tmp_path_factory.getbasetemp(), index_url="http://127.0.0.1:9/")
    with contextlib.suppress(BadInput):
        resolve(name, places)
