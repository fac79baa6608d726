import numpy as np
import pandas as pd
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.wfdb_annotations import (
    Annotation,
    decode_annotations,
    encode_annotations,
    read_annotations,
    write_annotations,
)

annotations = st.lists(
    st.builds(
        Annotation,
        sample=st.integers(0, 20_000_000),
        symbol=st.sampled_from("NSVFQ~+[]"),
        subtype=st.integers(-128, 127),
        chan=st.integers(0, 11),
        num=st.integers(-128, 127),
        aux=st.sampled_from(["", "(N", "(AFIB", "(VT", "odd"]),
    ),
    min_size=1,
    max_size=40,
).map(lambda found: sorted(found, key=lambda one: one.sample))


def as_package(found, folder):
    """What `wfdb.wrann` writes for the same annotations."""
    wfdb.wrann(
        "x",
        "bds",
        np.array([one.sample for one in found]),
        symbol=[one.symbol for one in found],
        subtype=np.array([one.subtype for one in found]),
        chan=np.array([one.chan for one in found]),
        num=np.array([one.num for one in found]),
        aux_note=[one.aux for one in found],
        write_dir=str(folder),
    )
    return (folder / "x.bds").read_bytes()


@settings(max_examples=60, deadline=None)
@given(found=annotations)
def test_the_package_reads_back_what_we_write(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ann")
    write_annotations(folder / "x.bds", found)
    read = wfdb.rdann(str(folder / "x"), "bds")
    assert read.sample.tolist() == [one.sample for one in found]
    assert read.symbol == [one.symbol for one in found]
    assert read.subtype.tolist() == [one.subtype for one in found]
    assert read.chan.tolist() == [one.chan for one in found]
    assert read.num.tolist() == [one.num for one in found]
    assert read.aux_note == [one.aux for one in found]


@given(found=annotations)
def test_we_read_back_what_we_write(found):
    assert decode_annotations(encode_annotations(found)) == found


def test_the_bytes_are_those_of_the_package(tmp_path):
    found = [
        Annotation(sample=5, symbol="~", subtype=-1),
        Annotation(sample=77, symbol="N"),
        Annotation(sample=1500, symbol="+", aux="(VT"),
        Annotation(sample=1501, symbol="V", chan=1),
        Annotation(sample=9_000_000, symbol="N", chan=1),
    ]
    signed = [one for one in found if one.subtype >= 0]
    assert encode_annotations(signed) == as_package(signed, tmp_path)


def test_definitions_at_the_start_are_left_out(tmp_path):
    wfdb.wrann("x", "atr", np.array([10, 20]), symbol=["N", "V"], fs=360, write_dir=str(tmp_path))
    assert read_annotations(tmp_path / "x.atr") == [
        Annotation(sample=10, symbol="N"),
        Annotation(sample=20, symbol="V"),
    ]


def test_no_annotations_are_still_a_file(tmp_path):
    write_annotations(tmp_path / "below" / "x.bds", [])
    assert read_annotations(tmp_path / "below" / "x.bds") == []


def test_annotations_that_go_back_and_strange_symbols_are_refused():
    with pytest.raises(BadInput, match="order"):
        encode_annotations([Annotation(sample=2, symbol="N"), Annotation(sample=1, symbol="N")])
    with pytest.raises(BadInput, match="symbol"):
        encode_annotations([Annotation(sample=2, symbol="%")])


def test_missing_empty_and_torn_files_are_refused_by_name(tmp_path):
    with pytest.raises(RecordUnreadable, match=r"none\.atr"):
        read_annotations(tmp_path / "none.atr")
    (tmp_path / "empty.atr").write_bytes(b"")
    with pytest.raises(RecordUnreadable, match="empty"):
        read_annotations(tmp_path / "empty.atr")
    whole = encode_annotations([Annotation(sample=5, symbol="+", aux="(AFIB")])
    (tmp_path / "torn.atr").write_bytes(whole[:5])
    with pytest.raises(RecordUnreadable, match=r"torn\.atr"):
        read_annotations(tmp_path / "torn.atr")


def test_an_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BadInput, match="cannot write"):
        write_annotations(tmp_path / "file" / "x.bds", [])


@given(data=st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data):
    try:
        decode_annotations(data)
    except RecordUnreadable as refused:
        caught = refused
        assert caught.exit_code == 2


def test_a_file_that_names_its_resolution_is_counted_at_the_rate_asked_for(tmp_path):
    wfdb.wrann("x", "atr", np.array([100, 1000, 2001]), symbol=["N", "V", "N"], fs=1000, write_dir=str(tmp_path))
    assert [one.sample for one in read_annotations(tmp_path / "x.atr")] == [100, 1000, 2001]
    assert [one.sample for one in read_annotations(tmp_path / "x.atr", at_hz=360.0)] == [36, 360, 720]
    counted = read_annotations(tmp_path / "x.atr", at_hz=360.0, counted_hz=125.0)
    assert [one.sample for one in counted] == [36, 360, 720]


def test_a_file_that_names_none_counts_as_its_record_does(tmp_path):
    wfdb.wrann("x", "atr", np.array([100, 1000]), symbol=["N", "V"], write_dir=str(tmp_path))
    assert [one.sample for one in read_annotations(tmp_path / "x.atr", at_hz=500.0)] == [100, 1000]
    assert [one.sample for one in read_annotations(tmp_path / "x.atr", at_hz=500.0, counted_hz=125.0)] == [400, 4000]


def test_the_resolution_is_written_as_the_wfdb_package_writes_it(tmp_path):
    found = [Annotation(sample=sample, symbol=symbol) for sample, symbol in ((7, "N"), (900, "V"), (70_000, "N"))]
    samples, symbols = np.array([one.sample for one in found]), [one.symbol for one in found]
    wfdb.wrann("x", "atr", samples, symbol=symbols, fs=249.89, write_dir=str(tmp_path))
    write_annotations(tmp_path / "x.bds", found, resolution_hz=249.89)
    assert (tmp_path / "x.bds").read_bytes() == (tmp_path / "x.atr").read_bytes()
    assert wfdb.rdann(str(tmp_path / "x"), "bds").fs == pytest.approx(249.89)
    assert read_annotations(tmp_path / "x.bds", at_hz=249.89) == found


def test_symbols_that_a_file_defines_are_kept(tmp_path):
    custom = pd.DataFrame([(42, "Y", "yawn"), (45, "Z", "sleep")], columns=["label_store", "symbol", "description"])
    samples, symbols = np.array([0, 30, 90, 300]), ["N", "Y", "Z", "V"]
    wfdb.wrann("x", "atr", samples, symbol=symbols, custom_labels=custom, fs=250, write_dir=str(tmp_path))
    theirs = wfdb.rdann(str(tmp_path / "x"), "atr")
    found = read_annotations(tmp_path / "x.atr", at_hz=250.0)
    assert [one.symbol for one in found] == symbols == theirs.symbol
    assert [one.sample for one in found] == samples.tolist() == theirs.sample.tolist()
